// The Go vulnerability database at a commit: `make vuln` reads it from a module
// proxy, where vuln.go.dev may be out of reach.
module espalier/vulndb

go 1.26.8

require golang.org/x/vulndb v0.0.0-20261105234957-e22db6528018
