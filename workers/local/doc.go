// Package local runs everything that Espalier needs beside itself inside this
// process: a Temporal server on a SQLite file and an S3 gateway on a folder.
//
// One folder, HOME, holds all state and belongs to at most one process at a
// time:
//
//	HOME/lock         held while a stack runs; names the process; the kernel
//	                  drops it at any death, also kill -9
//	HOME/temporal.db  workflows, histories, timers (SQLite, write-ahead log)
//	HOME/s3/espalier  the bucket: one file for each object
//	HOME/s3.json      the gateway's keys, made once
//	HOME/ports.json   the ports of the last start, taken again if they are free
//	HOME/server.json  how to reach the running stack; gone when it is stopped
//	HOME/server.log   warnings and errors of both servers, capped in size
//
// [Start] answers when both servers can be used, [Stack.Stop] ends them, and
// [Find] lets another process on the machine join. What a server has
// acknowledged is on disk: SQLite commits and objects are fsynced before the
// answer goes out. A start after kill -9 is an ordinary start; there is no
// recovery step.
//
// The servers are the real ones. What this package leaves out on purpose:
// Temporal's internal worker service (schedules and batch operations), its
// HTTP API, archival, metrics, TLS and authorization, and in S3 everything but
// buckets and objects. It listens on the loopback address unless told
// otherwise, because Temporal here asks nobody for a password.
//
// It is the only package that imports go.temporal.io/server, which takes
// minutes to compile; import it from cmd and integration tests alone.
package local
