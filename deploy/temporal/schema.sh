#!/bin/sh
# Creates Temporal's two databases, or brings the tables of existing ones to
# the version of this image. Where and as whom is in SQL_HOST, SQL_PORT,
# SQL_USER, SQL_PASSWORD and SQL_PLUGIN; running it again is harmless.
set -eu

prepare() { # DATABASE SCHEMA
	export SQL_DATABASE="$1"
	temporal-sql-tool create-database
	temporal-sql-tool setup-schema --version 0.0
	temporal-sql-tool update-schema --schema-name "postgresql/v12/$2"
}

prepare temporal temporal
prepare temporal_visibility visibility
