package local

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"go.temporal.io/server/common/cluster"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/dynamicconfig"
	"go.temporal.io/server/common/membership/static"
	"go.temporal.io/server/common/persistence/sql/sqlplugin/sqlite"
	"go.temporal.io/server/common/primitives"
	"go.temporal.io/server/temporal"
)

// The cluster's name and identity never change, so that a database is taken
// up again by whichever process opens it.
const (
	clusterName = "active"
	clusterID   = "e59a11e6-0000-4000-8000-000000000001"
)

// temporalServer is Temporal's frontend, history and matching service in this
// process.
type temporalServer struct {
	server   temporal.Server
	database string
	log      *logFlusher
}

// startTemporal runs a server on o.Home/temporal.db and returns when it
// answers, with the port that it listens on. A free port that another process
// took first is chosen anew.
func startTemporal(ctx context.Context, o Options, port int, log *serverLog) (*temporalServer, int, error) {
	database := filepath.Join(o.Home, "temporal.db")
	if err := prepareDatabase(ctx, database, clusterName); err != nil {
		return nil, 0, err
	}
	for try := 1; ; try++ {
		ahead := &logFlusher{path: database + "-wal"}
		server, err := newServer(o, port, database, &groupCommit{flush: ahead.flush}, log)
		if err == nil {
			t := &temporalServer{server: server, database: database, log: ahead}
			if err := t.run(ctx, hostPort(dialIP(o.BindIP), port)); err != nil {
				return t, 0, fmt.Errorf("%w; see %s", err, log.file.Filename)
			}
			return t, port, nil
		}
		if !errors.Is(err, syscall.EADDRINUSE) || try == portTries {
			return nil, 0, err
		}
		if port, err = choosePort(o.BindIP, o.TemporalPort, 0, "--temporal-port"); err != nil {
			return nil, 0, err
		}
	}
}

// run starts the services and waits until they answer. A server that does not
// come up within ctx is left to Stop.
func (t *temporalServer) run(ctx context.Context, address string) error {
	if err := t.server.Start(); err != nil {
		return fmt.Errorf("temporal: %w", err)
	}
	return awaitTemporal(ctx, address)
}

// stop ends the services and folds the write-ahead log into the database.
func (t *temporalServer) stop(ctx context.Context) error {
	if t == nil {
		return nil
	}
	stopped := make(chan error, 1)
	go func() { stopped <- t.server.Stop() }()
	select {
	case err := <-stopped:
		return errors.Join(err, t.log.close(), compactLog(ctx, t.database))
	case <-ctx.Done():
		return fmt.Errorf("temporal has not stopped yet: %w", ctx.Err())
	}
}

// newServer builds a server, which binds its ports. It does so in a goroutine
// of its own because Temporal reports a port that is taken by a fatal log
// message, which ends the goroutine (see temporalLog.Fatal).
func newServer(o Options, port int, database string, commits *groupCommit, log *serverLog) (temporal.Server, error) {
	conf, err := serverConfig(o.BindIP, port, database)
	if err != nil {
		return nil, err
	}
	logger := temporalLog{to: log.log, fatal: new(atomic.Pointer[fatalError])}
	var server temporal.Server
	done := make(chan struct{})
	go func() {
		defer close(done)
		// Unwinding from Fatal goes through a sync.Once, which panics anew.
		defer func() {
			if p := recover(); p != nil && logger.fatal.Load() == nil {
				err = fmt.Errorf("temporal: %v", p)
			}
		}()
		server, err = temporal.NewServer(
			temporal.WithConfig(conf),
			temporal.ForServices(services(o.Versions)),
			temporal.WithStaticHosts(staticHosts(conf, o.BindIP)),
			temporal.WithLogger(logger),
			temporal.WithDynamicConfigClient(dynamicConfig()),
			temporal.WithChainedFrontendGrpcInterceptors(commits.unary),
		)
	}()
	<-done
	if fatal := logger.fatal.Load(); fatal != nil {
		return nil, fmt.Errorf("temporal: %s: %w", fatal.message, fatal.cause)
	}
	if err != nil {
		return nil, fmt.Errorf("temporal: %w", err)
	}
	return server, nil
}

// services are those that a run needs. Temporal's fourth, the worker service,
// only runs versions of workers, schedules, batch operations and scans for large
// clusters, and costs memory and a dozen pollers.
func services(versions bool) []string {
	all := []string{
		string(primitives.FrontendService), string(primitives.HistoryService), string(primitives.MatchingService),
	}
	if versions {
		all = append(all, string(primitives.WorkerService))
	}
	return all
}

func serverConfig(ip string, port int, database string) (*config.Config, error) {
	conf := &config.Config{}
	conf.Global.Membership = config.Membership{MaxJoinDuration: 30 * time.Second, BroadcastAddress: loopback}
	conf.Persistence = config.Persistence{
		DefaultStore:     sqlite.PluginName,
		VisibilityStore:  sqlite.PluginName,
		NumHistoryShards: 1, // SQLite has one writer; the number can never change later
		DataStores:       map[string]config.DataStore{sqlite.PluginName: {SQL: databaseConfig(database)}},
	}
	address := hostPort(dialIP(ip), port)
	conf.ClusterMetadata = &cluster.Config{
		FailoverVersionIncrement: 10,
		MasterClusterName:        clusterName,
		CurrentClusterName:       clusterName,
		ClusterInformation: map[string]cluster.ClusterInformation{clusterName: {
			Enabled: true, InitialFailoverVersion: 1, RPCAddress: address, ClusterID: clusterID,
		}},
	}
	conf.DCRedirectionPolicy.Policy = "noop"
	conf.Archival.History.State = "disabled"
	conf.Archival.Visibility.State = "disabled"
	conf.NamespaceDefaults.Archival.History.State = "disabled"
	conf.NamespaceDefaults.Archival.Visibility.State = "disabled"
	conf.PublicClient.HostPort = address
	conf.Services = map[string]config.Service{
		string(primitives.FrontendService): {RPC: config.RPC{GRPCPort: port, BindOnIP: ip}},
	}
	// The internal services listen on the loopback address whatever the user
	// chose for the frontend. The worker service may not run, but Temporal
	// wants an address for it.
	taken := map[int]bool{port: true}
	for _, name := range []primitives.ServiceName{
		primitives.HistoryService, primitives.MatchingService, primitives.WorkerService,
	} {
		free, err := freePortBeside(taken)
		if err != nil {
			return nil, err
		}
		conf.Services[string(name)] = config.Service{RPC: config.RPC{GRPCPort: free, BindOnIP: loopback}}
	}
	return conf, nil
}

// freePortBeside picks a free loopback port that is not taken, and takes it.
func freePortBeside(taken map[int]bool) (int, error) {
	for {
		port, err := freePort(loopback)
		if err != nil {
			return 0, err
		}
		if !taken[port] {
			taken[port] = true
			return port, nil
		}
	}
}

// staticHosts says where each service is, instead of the gossip ring by which
// a cluster's members find each other.
func staticHosts(conf *config.Config, ip string) map[primitives.ServiceName]static.Hosts {
	hosts := map[primitives.ServiceName]static.Hosts{}
	for name, service := range conf.Services {
		at := loopback
		if name == string(primitives.FrontendService) {
			at = dialIP(ip)
		}
		hosts[primitives.ServiceName(name)] = static.SingleLocalHost(hostPort(at, service.RPC.GRPCPort))
	}
	return hosts
}

// pollsASecond is how often at most a queue of the history service looks for
// new tasks; it looks only when there are some.
const pollsASecond = 1000

// dynamicConfig sets what differs from the defaults for a large cluster.
func dynamicConfig() dynamicconfig.StaticClient {
	return dynamicconfig.StaticClient{
		// Trials share a queue fairly and by priority.
		dynamicconfig.MatchingUseNewMatcher.Key():  true,
		dynamicconfig.MatchingEnableFairness.Key(): true,
		// One partition a queue: no forwarding between partitions on one host.
		dynamicconfig.MatchingNumTaskqueueReadPartitions.Key():  1,
		dynamicconfig.MatchingNumTaskqueueWritePartitions.Key(): 1,
		// Timers are rounded up by this much, which allows for the clocks of a
		// cluster's hosts. Here it is the wait before an orphan's next attempt.
		dynamicconfig.TimerProcessorMaxTimeShift.Key(): 20 * time.Millisecond,
		// One shard does all the work of this server. The defaults share a
		// database between hundreds, and would hold each step up by 50 ms.
		dynamicconfig.TransferProcessorMaxPollRPS.Key():   pollsASecond,
		dynamicconfig.TimerProcessorMaxPollRPS.Key():      pollsASecond,
		dynamicconfig.VisibilityProcessorMaxPollRPS.Key(): pollsASecond,
		// A queue that has noted that all its tasks are of the one namespace here
		// divides them anew, one by one, whenever it looks for others.
		dynamicconfig.QueueShrinkPredicateMaxPendingKeys.Key(): 0,
		// The command line and the dashboard list often.
		dynamicconfig.FrontendMaxNamespaceVisibilityRPSPerInstance.Key(): 100,
		// Caches for one user rather than for a data centre.
		dynamicconfig.HistoryCacheHostLevelMaxSize.Key():     512,
		dynamicconfig.EventsHostLevelCacheMaxSizeBytes.Key(): 8 << 20,
		dynamicconfig.EventsCacheMaxSizeBytes.Key():          512 << 10,
	}
}
