package checkpoint_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"espalier/models/checkpoint"
	"espalier/models/checkpoint/storetest"
)

// actor is a worker that takes a step to its end; the scheduler lets it make
// one store call at a time.
type actor struct {
	name  string
	at    chan string   // it stands before that call
	goOn  chan struct{} // let it
	ended chan error
	over  bool
}

type actorKey struct{}

// wait is memStore.before: it stops the calling actor until its turn.
func wait(ctx context.Context, op, key string) error {
	if a, ok := ctx.Value(actorKey{}).(*actor); ok {
		a.at <- op + " " + key
		<-a.goOn
	}
	return nil
}

// lastStep is how far the actors train.
const lastStep = 3

// life opens the step, goes on from what is there and finishes, as an activity
// does; an attempt that is fenced off tries again, twice at most.
func life(ctx context.Context, repo *checkpoint.Repo, step, name string) error {
	var err error
	for range 3 {
		if err = attempt(ctx, repo, step, name); !errors.Is(err, checkpoint.ErrFenced) {
			return err
		}
	}
	return err
}

func attempt(ctx context.Context, repo *checkpoint.Repo, step, name string) error {
	opened, err := repo.Open(ctx, step, storetest.Attempt(name))
	if err != nil || opened.Done != nil {
		return err
	}
	if len(opened.Notes) != 0 {
		return fmt.Errorf("notes of %s: %q", name, opened.Notes)
	}
	at := int64(0)
	if opened.From != nil {
		at = opened.From.Training.Cursor.Step
	}
	for at++; at <= lastStep; at++ {
		if _, err := opened.Journal.Commit(ctx, storetest.Midway(at), nil); err != nil {
			return err
		}
	}
	digest, size, err := repo.Save(ctx, &checkpoint.Checkpoint{Network: storetest.Network(lastStep + 1)})
	if err != nil {
		return err
	}
	return opened.Journal.Finish(ctx, checkpoint.Result{Kind: "train", Checkpoint: digest, Size: size})
}

// play runs two actors; turn says, for each store call, who makes the next.
func play(t *testing.T, turn func(call int) int) (calls int, trace []string, store *memStore) {
	t.Helper()
	store = newMemStore()
	store.before = wait
	repo, step := &checkpoint.Repo{Store: store}, stepKey(t)
	actors := []*actor{{name: "A"}, {name: "B"}}
	for _, a := range actors {
		a.at, a.goOn, a.ended = make(chan string), make(chan struct{}), make(chan error)
		go func() { a.ended <- life(context.WithValue(t.Context(), actorKey{}, a), repo, step, a.name) }()
	}
	next := make(map[*actor]string)
	settle := func(a *actor) {
		select {
		case next[a] = <-a.at:
		case err := <-a.ended:
			a.over = true
			if err != nil && !errors.Is(err, checkpoint.ErrFenced) {
				t.Errorf("%s ends with %v after %q", a.name, err, trace)
			}
		}
	}
	settle(actors[0])
	settle(actors[1])
	for ; !actors[0].over || !actors[1].over; calls++ {
		who := turn(calls)
		if actors[who].over {
			who = 1 - who
		}
		a := actors[who]
		trace = append(trace, a.name+" "+next[a])
		a.goOn <- struct{}{}
		settle(a)
	}
	store.before = nil
	return calls, trace, store
}

func stepKey(t testing.TB) string {
	t.Helper()
	key, err := checkpoint.StepKey(checkpoint.StepInput{Kind: "train", Seed: 1, Engine: "test/1"})
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// wantSound checks what must hold however the calls were mixed: no entry of an
// attempt follows the open entry of a newer one, and the result is unharmed.
func wantSound(t *testing.T, store checkpoint.Store, trace []string) {
	t.Helper()
	repo, owner, number := &checkpoint.Repo{Store: store}, 0, 0
	for entry, err := range repo.History(t.Context(), stepKey(t)) {
		if number++; err != nil || entry.Number != number {
			t.Fatalf("entry %d: %+v, %v", number, entry, err)
		}
		if entry.Kind == checkpoint.EntryOpen {
			owner = entry.Number
		}
		if entry.Token != owner {
			t.Fatalf("entry %d has token %d after the open entry %d, by\n%s", number, entry.Token, owner, strings.Join(trace, "\n"))
		}
	}
	result, err := repo.VerifyResult(t.Context(), stepKey(t))
	if err != nil {
		t.Fatalf("VerifyResult = %v, by\n%s", err, strings.Join(trace, "\n"))
	}
	_, want, err := checkpoint.Encode(&checkpoint.Checkpoint{Network: storetest.Network(lastStep + 1)})
	if err != nil || result.Checkpoint != want {
		t.Fatalf("the result is %s, want %s", result.Checkpoint, want)
	}
}

// TestFenceUnderFewSwitches tries every schedule in which one actor is frozen
// at some call, the other goes on, and at some call the first thaws.
func TestFenceUnderFewSwitches(t *testing.T) {
	t.Parallel()
	total, _, _ := play(t, func(int) int { return 0 })
	total += 10 // two lives that get into each other's way are longer
	tried := 0
	for first := range 2 {
		for i := range total {
			for j := i; j < total; j++ {
				_, trace, store := play(t, func(call int) int {
					switch {
					case call < i:
						return first
					case call < j:
						return 1 - first
					}
					return first
				})
				wantSound(t, store, trace)
				tried++
			}
		}
	}
	t.Logf("%d schedules of about %d store calls", tried, total)
}

// TestFenceUnderAnySchedule draws schedules that switch often.
func TestFenceUnderAnySchedule(t *testing.T) {
	t.Parallel()
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 7))
		stay, who := 1+r.IntN(6), r.IntN(2)
		_, trace, store := play(t, func(int) int {
			if r.IntN(stay+1) == 0 {
				who = 1 - who
			}
			return who
		})
		wantSound(t, store, trace)
	}
}

// TestFenceUnderAnyOrderOfOperations tries every order of whole operations,
// without second attempts.
func TestFenceUnderAnyOrderOfOperations(t *testing.T) {
	t.Parallel()

	for mask := range 1 << (2 * ops) {
		var order []int
		count := [2]int{}
		for i := range 2 * ops {
			who := mask >> i & 1
			order = append(order, who)
			count[who]++
		}
		if count[0] == ops {
			runOrder(t, order)
		}
	}
}

func runOrder(t *testing.T, order []int) {
	t.Helper()
	repo := &checkpoint.Repo{Store: newMemStore()}
	digest, size, err := repo.Save(t.Context(), &checkpoint.Checkpoint{Network: storetest.Network(lastStep + 1)})
	if err != nil {
		t.Fatal(err)
	}
	var opened [2]*checkpoint.Opened
	var done [2]int
	newest, finished := -1, false
	for _, who := range order {
		done[who]++
		if done[who] == 1 {
			if opened[who], err = repo.Open(t.Context(), stepKey(t), storetest.Attempt("AB"[who:who+1])); err != nil {
				t.Fatal(err)
			}
			if (opened[who].Done != nil) != finished {
				t.Fatalf("order %v: Open answers %+v, finished is %v", order, opened[who].Done, finished)
			}
			if !finished {
				newest = who
			}
			continue
		}
		if opened[who].Journal == nil {
			continue
		}
		if done[who] < ops {
			_, err = opened[who].Journal.Commit(t.Context(), storetest.Midway(int64(10*who+done[who])), nil)
		} else {
			err = opened[who].Journal.Finish(t.Context(), checkpoint.Result{Kind: "train", Checkpoint: digest, Size: size})
			finished = finished || err == nil
		}
		if fenced := errors.Is(err, checkpoint.ErrFenced); fenced != (who != newest) || (err != nil && !fenced) {
			t.Fatalf("order %v: operation %d of %d = %v, the newest attempt is %d", order, done[who], who, err, newest)
		}
	}
	wantSound(t, repo.Store, nil)
}

// ops are open, commit, commit, finish.
const ops = 4
