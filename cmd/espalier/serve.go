package main

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/spf13/cobra"

	"espalier/workers"
	"espalier/workers/local"
)

func serverCommand(a *app) *cobra.Command {
	var o local.Options
	var page dashboardFlags
	command := &cobra.Command{
		Use: "server", Short: "Serve Temporal and S3 from this machine until stopped",
		Long: `Serves the embedded Temporal server and S3 gateway, so that workers and commands
in other processes can use them. Commands on this machine with the same --home
find them by themselves; others need TEMPORAL_ADDRESS and ESPALIER_S3.`,
		Example: "  espalier server --temporal-port 7233 --s3-port 9000",
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			if err := checkServer(o); err != nil {
				return err
			}
			if page.address != noDashboard {
				if err := page.check(); err != nil {
					return err
				}
			}
			if err := a.openLog(); err != nil {
				return err
			}
			o.Home, o.Log = a.home, a.log
			c, err := a.startLocal(ctx, o)
			if err != nil {
				return err
			}
			defer c.close()
			d, stop, err := a.beside(ctx, c, page)
			if err != nil {
				return err
			}
			defer stop()
			err = a.sayServers(c.stack.Endpoint(), d)
			<-ctx.Done()
			return err
		},
	}
	addDashboard(command, &page, "127.0.0.1:8790", "is served beside Temporal and S3")
	command.Flags().IntVar(&o.TemporalPort, "temporal-port", 7233, "port of Temporal; 0 takes a free one")
	command.Flags().IntVar(&o.S3Port, "s3-port", 9000, "port of S3; 0 takes a free one")
	command.Flags().BoolVar(&o.Versions, "versions", false, "also run the part of Temporal that versioned workers (worker --deployment) need; it takes some memory")
	command.Flags().StringVar(&o.BindIP, "bind", "127.0.0.1", "address to listen on; Temporal has no authentication here, so keep other than loopback behind a firewall")
	a.addMetrics(command)
	return command
}

// sayServers says where everything is.
func (a *app) sayServers(e local.Endpoint, d *dashboard) error {
	where := struct {
		local.Endpoint
		Dashboard string `json:"dashboard,omitempty"`
	}{Endpoint: e}
	text := fmt.Sprintf("Temporal  %s (namespace %s)\nS3        %s (bucket %s; keys in %s)\n",
		e.TemporalAddress, e.Namespace, e.S3Endpoint, e.S3Bucket, a.home+"/s3.json")
	if d != nil {
		where.Dashboard = d.url
		text += fmt.Sprintf("dashboard %s\n", d.shown(a.out))
	}
	return a.say(where, "%sstop with ^C\n", text)
}

// checkServer finds what no machine can serve.
func checkServer(o local.Options) error {
	for _, p := range []struct {
		flag string
		port int
	}{{"--temporal-port", o.TemporalPort}, {"--s3-port", o.S3Port}} {
		if p.port < 0 || p.port > 65535 {
			return usageError{fmt.Errorf("%s %d: 1 to 65535 are allowed, and 0 for a free one", p.flag, p.port)}
		}
	}
	if net.ParseIP(o.BindIP) == nil {
		return usageError{fmt.Errorf("--bind %q: an IP address of this machine is allowed, as 127.0.0.1 or 0.0.0.0", o.BindIP)}
	}
	return nil
}

// startLocal starts the embedded servers and sets free the steps that a killed
// process of this machine still holds, so that they go on at once.
func (a *app) startLocal(ctx context.Context, o local.Options) (*connection, error) {
	stack, err := local.Start(ctx, o)
	if err != nil {
		return nil, err
	}
	c, err := a.dialLocal(ctx, stack.Endpoint())
	if err != nil {
		stopStack(stack)
		return nil, err
	}
	c.stack = stack
	freed, err := workers.FailOrphans(ctx, c.temporal, local.Namespace, workers.Dead(a.identity))
	if err != nil {
		a.log.Warn("steps of dead workers go on only after their heartbeat timeout", "error", err)
	}
	a.log.Info("embedded servers answer", "freed_steps", freed)
	return c, nil
}

// stopStack ends the embedded servers within the time that a person waits.
func stopStack(s *local.Stack) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	// The state is on disk already; an error here changes nothing for anybody.
	_ = s.Stop(ctx)
}
