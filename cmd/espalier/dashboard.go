package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"espalier/models/checkpoint"
	"espalier/workers"
	"espalier/workers/ui"
)

// dashboardFlags say where a dashboard is, for whom, and for what.
type dashboardFlags struct {
	flag                           string // of the address; "" is --address
	address, tokenFile, temporalUI string
	hosts                          []string
	readOnly                       bool
}

func dashboardCommand(a *app) *cobra.Command {
	var f dashboardFlags
	command := &cobra.Command{
		Use: "dashboard", Short: "Serve a page that shows runs and sweeps as they go, and controls them",
		Long: `Serves a page for a browser that shows all runs and sweeps of the configured
servers, or of those that another process of this machine embeds: how they stand,
their steps, curves, layers, checkpoints, trials and fronts. It can do what the
commands of control do, unless --read-only is given.

Whoever opens it needs a token: that of --token-file or, without it, a random one
that is kept in HOME/dashboard.token. On a terminal the token is part of the
address that is printed. An address that other machines can reach needs
--token-file; see docs/dashboard.md before you give one.

run and server serve the page too: see their --dashboard.`,
		Example: "  espalier dashboard\n  espalier dashboard --address 127.0.0.1:0 --read-only",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.check(); err != nil {
				return err
			}
			if err := a.openLog(); err != nil {
				return err
			}
			c, err := a.connect(cmd.Context())
			if err != nil {
				return err
			}
			defer c.close()
			return a.serveDashboard(cmd.Context(), c, f)
		},
	}
	command.Flags().StringVar(&f.address, "address", "127.0.0.1:8790", "address to listen on; port 0 takes a free one")
	command.Flags().BoolVar(&f.readOnly, "read-only", false, "show only: nobody controls anything")
	command.Flags().StringVar(&f.tokenFile, "token-file", "", "file of the token that opens the page, 16 bytes at least, readable by its owner only (default HOME/dashboard.token)")
	command.Flags().StringVar(&f.temporalUI, "temporal-ui", "", "address of Temporal's own interface, to which the page then links, as http://localhost:8233")
	command.Flags().StringArrayVar(&f.hosts, "host", nil, "a name under which the page may be asked for, beside localhost and addresses; again for more")
	return command
}

// check finds what cannot be served, or should not.
func (f dashboardFlags) check() error {
	flag := cmp.Or(f.flag, "--address")
	local, err := loopback(flag, f.address)
	if err != nil {
		return err
	}
	if !local && f.tokenFile == "" {
		return usageError{fmt.Errorf("%s %s can be reached by other machines, so it needs --token-file of espalier dashboard, a file with a secret of %d bytes at least", flag, f.address, ui.FewestBytes)}
	}
	if f.temporalUI != "" {
		u, err := url.Parse(f.temporalUI)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			return usageError{fmt.Errorf("--temporal-ui %q: an address as http://localhost:8233 is allowed", f.temporalUI)}
		}
	}
	return nil
}

// loopback says whether only this machine can reach an address; an error if it
// is none.
func loopback(flag, address string) (bool, error) {
	at, err := netip.ParseAddrPort(strings.Replace(address, "localhost:", "127.0.0.1:", 1))
	if err != nil {
		return false, usageError{fmt.Errorf("%s %q: IP:PORT is allowed, as 127.0.0.1:8790; port 0 takes a free one", flag, address)}
	}
	return at.Addr().IsLoopback(), nil
}

// serveDashboard serves until ctx ends or the servers do.
func (a *app) serveDashboard(ctx context.Context, c *connection, f dashboardFlags) error {
	d, err := a.newDashboard(ctx, c, f)
	if err != nil {
		return err
	}
	if err := a.say(map[string]string{"dashboard": d.url, "token_file": d.tokenFile}, "dashboard %s\nstop with ^C\n", d.shown(a.out)); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go c.whenGone(ctx, func() { cancel(errServersGone) })
	if err := d.server.Serve(ctx, d.listener); err != nil {
		return err
	}
	if errors.Is(context.Cause(ctx), errServersGone) {
		return fmt.Errorf("%w; start them again with: espalier server", errServersGone)
	}
	return nil
}

// whenGone calls do once the process with the servers has ended.
func (c *connection) whenGone(ctx context.Context, do func()) {
	tick := time.NewTicker(2 * time.Second)
	defer tick.Stop()
	for !c.gone() {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
	do()
}

// dashboard is a page that is about to be served.
type dashboard struct {
	server           *ui.Server
	listener         net.Listener
	url              string
	token, tokenFile string
}

func (a *app) newDashboard(ctx context.Context, c *connection, f dashboardFlags) (*dashboard, error) {
	store, err := c.openStore(ctx)
	if err != nil {
		return nil, err
	}
	d := &dashboard{tokenFile: f.tokenFile}
	if d.tokenFile == "" {
		d.tokenFile = filepath.Join(a.home, "dashboard.token")
		err = makeToken(d.tokenFile)
	}
	if err == nil {
		d.token, err = readToken(d.tokenFile)
	}
	if err != nil {
		return nil, err
	}
	name, _, _ := strings.Cut(whoami(), "@")
	o := ui.Options{
		Runs: c.runs, Repo: &checkpoint.Repo{Store: store}, Log: a.log, Version: version, LogFile: filepath.Join(a.home, "worker.log"),
		TemporalURL: f.temporalUI, User: name + "@dashboard", ReadOnly: f.readOnly, Token: d.token, Hosts: f.hosts, Dead: workers.Dead(a.identity),
	}
	if c.home != "" || c.stack != nil {
		o.Home = a.home
	}
	if d.server, err = ui.New(o); err != nil {
		return nil, usageError{fmt.Errorf("%s: %w", d.tokenFile, err)}
	}
	if d.listener, err = net.Listen("tcp", f.address); err != nil {
		return nil, fmt.Errorf("dashboard: %w", err)
	}
	d.url = "http://" + d.listener.Addr().String()
	return d, nil
}

// shown is where the page is, for people: with the token for one at a terminal,
// and otherwise with the file that has it.
func (d *dashboard) shown(to any) string {
	if file, ok := to.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		return d.url + "/#token=" + url.QueryEscape(d.token)
	}
	return fmt.Sprintf("%s (its token is in %s)", d.url, d.tokenFile)
}
