#!/bin/sh
# Creates the namespace TEMPORAL_NAMESPACE at TEMPORAL_ADDRESS, where ended
# runs stay listed for RETENTION; one that exists keeps its settings.
set -eu

temporal operator cluster health
if temporal operator namespace describe -n "$TEMPORAL_NAMESPACE" >/dev/null 2>&1; then
	exit 0
fi
temporal operator namespace create -n "$TEMPORAL_NAMESPACE" --retention "$RETENTION"
