//go:build race

package gorgonia_test

// raceDetector is on: it makes pools forget, which then allocate.
const raceDetector = true
