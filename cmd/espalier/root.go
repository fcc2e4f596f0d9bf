package main

import (
	"github.com/spf13/cobra"
)

// version is set by the build.
var version = "dev"

func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "espalier",
		Short: "Compress neural networks as durable experiments",
		Long: `Espalier trains, prunes and fine-tunes the network that a spec describes. Every
step is durable: kill anything at any moment, run the same command again, and
the run goes on from its last checkpoint and ends with the same bits.

Without configuration everything runs in this process: the Temporal server, the
S3 gateway and the worker, with their files in .espalier (ESPALIER_HOME). With
TEMPORAL_ADDRESS (or a Temporal profile) and ESPALIER_S3 the same commands use
your cluster and your bucket.

The environment, beside Temporal's own TEMPORAL_ variables:

    ESPALIER_HOME     folder of the embedded servers and the caches
    ESPALIER_S3       your bucket, as s3://bucket/prefix?endpoint=host:port&tls=false,
                      with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY
                      (also &region=..., &ca=FILE, &encrypt=s3 or kms:KEY)
    ESPALIER_PAYLOAD_KEYS
                      file of the keys that encrypt what Temporal keeps
    ESPALIER_THREADS  threads that compute; the bits of a run depend on it
    OTEL_EXPORTER_OTLP_ENDPOINT
                      collector of OpenTelemetry that gets traces, as http://localhost:4318

Exit codes: 0 done, 1 something outside failed, 2 wrong command line or spec,
3 the run ended without a result, 130 interrupted.`,
		PersistentPreRunE: a.begin,
		Args:              unknownCommand,
		RunE:              func(c *cobra.Command, _ []string) error { return c.Help() },
		Example:           "  espalier run examples/quickstart.yaml",
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
		// Two letters may be wrong.
		SuggestionsMinimumDistance: 2,
		SilenceErrors:              true,
		SilenceUsage:               true,
	}
	root.SetFlagErrorFunc(misused)
	root.PersistentFlags().StringVar(&a.home, "home", a.env.Home, "folder of the embedded servers and the caches")
	root.PersistentFlags().BoolVar(&a.json, "json", false, "print JSON for scripts")
	root.PersistentFlags().StringVar(&a.logLevel, "log-level", "info", "how much HOME/worker.log tells: debug, info, warn or error")
	root.PersistentFlags().StringVar(&a.logFormat, "log-format", "json", "format of HOME/worker.log: json or text")
	root.AddGroup(
		&cobra.Group{ID: "work", Title: "Work:"},
		&cobra.Group{ID: "look", Title: "Look:"},
		&cobra.Group{ID: "control", Title: "Control:"},
		&cobra.Group{ID: "serve", Title: "Serve:"},
		&cobra.Group{ID: "help", Title: "Help:"},
	)
	add := func(group string, commands ...*cobra.Command) {
		for _, c := range commands {
			c.GroupID = group
			c.Args = usageArgs
			root.AddCommand(c)
		}
	}
	add("work", runCommand(a), submitCommand(a), sensitivityCommand(a), explainCommand(a), initCommand(a), importCommand(a), exportCommand(a), packCommand(a), unpackCommand(a), bundleCommand(a), reproduceCommand(a), verifyResumeCommand(a))
	add("look", listCommand(a), statusCommand(a), watchCommand(a), resultsCommand(a), reportCommand(a), workersCommand(a), inspectCommand(a), filesCommand(a), verifyCommand(a), predictCommand(a), benchCommand(a), crossoverCommand(a), modelsCommand(a), doctorCommand(a), versionCommand(a))
	add("control", pauseCommand(a), resumeCommand(a), cancelCommand(a), retryCommand(a), extendCommand(a), forkCommand(a), changeCommand(a), tagCommand(a), noteCommand(a), gcCommand(a))
	add("serve", serverCommand(a), workerCommand(a), dashboardCommand(a))
	help := helpCommand(root)
	help.GroupID = "help"
	root.SetHelpCommand(help)
	add("help", completionCommand(root))
	a.offerAll(root)
	return root
}
