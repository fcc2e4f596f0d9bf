package main

import (
	"bytes"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"espalier/config"
)

func TestTheSweepIsASpec(t *testing.T) {
	t.Parallel()
	o, err := parse([]string{"-espalier", os.Args[0], "-faults", "100"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	spec, err := config.Parse("spec.yaml", []byte(o.spec()))
	if err != nil || spec.Sweep == nil || time.Duration(spec.Durability.CheckpointEvery) != interval {
		t.Errorf("spec %+v, %v", spec, err)
	}
}

func TestBadCommandLines(t *testing.T) {
	t.Parallel()
	for line, says := range map[string]string{
		"-faults 0":             "-faults 0: at least 1 is allowed",
		"-every 0s":             "-every 0s: more than 0s is allowed",
		"-trials -1":            "-trials -1 and -epochs 200: at least 1 each is allowed",
		"-espalier /not/there":  "no such file",
		"something":             `argument "something": none is expected`,
		"-seed 1 -unknown-flag": "not defined",
	} {
		var errs bytes.Buffer
		if code := execute(t.Context(), strings.Fields(line), io.Discard, &errs); code != 2 || !strings.Contains(errs.String(), says) {
			t.Errorf("%s: code %d, %s", line, code, errs.String())
		}
	}
}

// The same seed draws the same faults, and each kind comes.
func TestFaultsFollowFromTheSeed(t *testing.T) {
	t.Parallel()
	draw := func(seed uint64) (kinds []string) {
		s := &storm{random: rand.New(rand.NewPCG(seed, 0))}
		for n := range 500 {
			kinds = append(kinds, s.draw(n))
		}
		return kinds
	}
	if !cmp.Equal(draw(1), draw(1)) || cmp.Equal(draw(1), draw(2)) {
		t.Error("the faults do not follow from the seed")
	}
	for _, w := range weights {
		if !strings.Contains(strings.Join(draw(1), "\n"), w.kind) {
			t.Errorf("%s is never drawn", w.kind)
		}
	}
}

// What is spoiled arrives spoiled, and only that.
func TestSpoiledRequests(t *testing.T) {
	t.Parallel()
	const body = "the whole body of the answer"
	served := 0
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		served++
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(gateway.Close)
	p, err := newStoreProxy(strings.TrimPrefix(gateway.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.server.Close() })
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for _, kind := range []string{"", fault500, fault503, faultReset, faultLost, faultTruncated, faultTimeout, ""} {
		if kind != "" {
			p.spoil(1, spoiled{how: kind, hold: time.Millisecond})
		}
		before := served
		answer, err := client.Get("http://" + p.address + "/espalier/key")
		status, got := 0, ""
		if err == nil {
			text, broken := io.ReadAll(answer.Body)
			answer.Body.Close()
			status, got, err = answer.StatusCode, string(text), broken
		}
		whole := status == 200 && got == body && err == nil
		switch kind {
		case "":
			if !whole {
				t.Errorf("unspoiled: %d, %q, %v", status, got, err)
			}
		case fault500, fault503:
			if status < 500 || err != nil || served != before {
				t.Errorf("%s: %d, %q, %v", kind, status, got, err)
			}
		default:
			if err == nil {
				t.Errorf("%s: %d, %q", kind, status, got)
			}
			if reached := served != before; reached != (kind == faultLost || kind == faultTruncated) {
				t.Errorf("%s: the gateway was reached: %v", kind, reached)
			}
		}
	}
}

func TestTheWireIsCutAndMended(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(server.Close)
	w, err := newWire(strings.TrimPrefix(server.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.listener.Close() })
	client := &http.Client{}
	for _, cut := range []bool{false, true, true, false, true, false} {
		w.set(cut)
		answer, err := client.Get("http://" + w.address())
		if err == nil {
			answer.Body.Close()
		}
		if (err != nil) != cut {
			t.Errorf("cut %v: %v", cut, err)
		}
	}
}

func TestRepeatedWork(t *testing.T) {
	t.Parallel()
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	at := func(seconds float64, step int64) line {
		return line{Time: begin.Add(time.Duration(seconds * float64(time.Second))), Step: step}
	}
	// It stood still between 2 and 10 s.
	done := []line{at(0, 0), at(1, 10), at(1.25, 20), at(1.5, 30), at(2, 40), at(10, 50)}
	for from, want := range map[int64]time.Duration{50: 0, 40: time.Second, 30: 1500 * time.Millisecond, 0: 3 * time.Second} {
		if got := lost(done, from); got != want {
			t.Errorf("from step %d: %s is lost, want %s", from, got, want)
		}
	}
}

func TestSweepsAreCompared(t *testing.T) {
	t.Parallel()
	sweep := func(digest string, states ...string) *swept {
		s := &swept{}
		for i, state := range states {
			text, err := json.Marshal(map[string]any{"trial": i, "state": state, "pass": 2, "values": []int{i}, "last": map[string]any{"pass": 2, "checkpoint": digest}})
			if err != nil {
				t.Fatal(err)
			}
			one, err := parseSwept([]byte(`{"trials":[` + string(text) + `]}`))
			if err != nil {
				t.Fatal(err)
			}
			s.Trials = append(s.Trials, one.Trials...)
		}
		return s
	}
	calm := sweep("a", "done", "done")
	for name, test := range map[string]struct {
		got    *swept
		broken int
	}{
		"the same":         {sweep("a", "done", "done"), 0},
		"other digests":    {sweep("b", "done", "done"), 1},
		"one failed":       {sweep("a", "done", "failed"), 1},
		"one is missing":   {sweep("a", "done"), 2},
		"nothing was done": {&swept{}, 2},
	} {
		table := table{findings: compare(calm, test.got)}
		if got := table.broken(); got != test.broken {
			t.Errorf("%s: %d promises are broken, want %d: %v", name, got, test.broken, table.findings)
		}
	}
}

func TestTheTableIsWrittenBetweenItsMarks(t *testing.T) {
	t.Parallel()
	page := filepath.Join(t.TempDir(), "page.md")
	if err := os.WriteFile(page, []byte("before\n"+beginMark+"old\n"+endMark+"after\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	one := &table{storm: &storm{lab: &lab{o: &options{seed: 7}}, struck: map[string]int{fault500: 3}}, findings: []finding{{"a promise", "a finding", false}}}
	if err := one.save(page); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"before\n", "Seed 7,", "| S3 answers 500 | 3 |\n", "| a promise | NO | a finding |\n", "after\n"} {
		if !strings.Contains(string(text), part) {
			t.Errorf("the page lacks %q:\n%s", part, text)
		}
	}
	if strings.Contains(string(text), "old") {
		t.Error("the page still has the old table")
	}
	if err := one.save(os.Args[0]); err == nil {
		t.Error("a file without marks gave no error")
	}
}

func TestFaultsFallIntoTheSweep(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ every, quietly, want time.Duration }{
		{time.Second, time.Hour, time.Second}, {time.Second, 30 * time.Second, 300 * time.Millisecond}, {2 * time.Second, 100 * time.Second, 900 * time.Millisecond},
	} {
		if got := pace(test.every, test.quietly, 100); got != test.want {
			t.Errorf("%s in a sweep of %s: every %s, want %s", test.every, test.quietly, got, test.want)
		}
	}
}
