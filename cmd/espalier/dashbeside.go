package main

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	"github.com/spf13/cobra"
)

// noDashboard is the address of a dashboard that is not wanted.
const noDashboard = "off"

// addDashboard lets a command serve the page beside its own work.
func addDashboard(c *cobra.Command, f *dashboardFlags, address, when string) {
	f.flag = "--dashboard"
	c.Flags().StringVar(&f.address, "dashboard", address, "address of the page that shows runs, which "+when+"; port 0 takes a free one, "+noDashboard+" serves none")
}

// beside serves the page until the returned function is called. Where another
// process has the port it takes a free one. There is none if it is not wanted.
func (a *app) beside(ctx context.Context, c *connection, f dashboardFlags) (*dashboard, func(), error) {
	if f.address == noDashboard {
		return nil, func() {}, nil
	}
	d, err := a.newDashboard(ctx, c, f)
	if errors.Is(err, syscall.EADDRINUSE) {
		a.log.Info("the dashboard's port is taken; a free one is used", "address", f.address)
		f.address = "127.0.0.1:0"
		d, err = a.newDashboard(ctx, c, f)
	}
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	served := make(chan struct{})
	go func() {
		defer close(served)
		if err := d.server.Serve(ctx, d.listener); err != nil {
			a.log.Warn("the dashboard has ended", "error", err)
		}
	}()
	return d, func() { cancel(); <-served }, nil
}

// besideRun serves the page of a run whose servers are in this process, and says
// where. A page that cannot be served is no reason not to run.
func (a *app) besideRun(ctx context.Context, c *connection, j *job) func() {
	if c.stack == nil || j.page.address == "" {
		return func() {}
	}
	d, stop, err := a.beside(ctx, c, j.page)
	switch {
	case err != nil:
		fmt.Fprintln(a.errs, "no dashboard:", err)
		return func() {}
	case d != nil:
		fmt.Fprintln(a.errs, "dashboard", d.shown(a.errs))
	}
	return stop
}
