package config_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/config"
	"espalier/models"
)

func TestABareNumberIsAPenaltyOnWeights(t *testing.T) {
	t.Parallel()
	bare, full := with(t, "epochs: 3", "epochs: 3, l1: 1e-4"), with(t, "epochs: 3", "epochs: 3, l1: {weights: 1e-4, gamma: 0}")
	if diff := cmp.Diff(bare, full); diff != "" {
		t.Error(diff)
	}
	if bare.ID() != full.ID() {
		t.Error("the two ways to write it have two IDs")
	}
	slimming := with(t, "epochs: 3", "epochs: 3, l1: {gamma: 1e-4, beta: 2e-4, biases: 3e-4, only: [fc*]}")
	want := config.Penalty{Gamma: 1e-4, Beta: 2e-4, Biases: 3e-4, Only: []string{"fc*"}}
	if diff := cmp.Diff(want, slimming.Train.L1); diff != "" {
		t.Error(diff)
	}
}

// What histories and step keys hold of older versions is a number.
func TestPenaltiesAsJSON(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]config.Penalty{
		`0.5`:            {Weights: 0.5},
		`0`:              {},
		`{"gamma":0.25}`: {Gamma: 0.25},
		`{"weights":1,"biases":2,"beta":3,"only":["conv*"]}`: {Weights: 1, Biases: 2, Beta: 3, Only: []string{"conv*"}},
	} {
		got := config.Penalty{Gamma: 9}
		if text[0] == '{' {
			got = config.Penalty{}
		}
		if err := json.Unmarshal([]byte(text), &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
		if again, err := json.Marshal(got); err != nil || string(again) != text {
			t.Errorf("%s is written as %s, %v", text, again, err)
		}
	}
	if err := json.Unmarshal([]byte(`"much"`), &config.Penalty{}); err == nil {
		t.Error("a word is read as a penalty")
	}
}

func TestWeightDecayOnWeightsIsWhatItIsAnyway(t *testing.T) {
	t.Parallel()
	decay := func(on string) *config.Spec {
		return with(t, "optimizer: adam", "optimizer: {sgd: {lr: 0.1, weight_decay: 1e-4"+on+"}}")
	}
	if decay("").ID() != decay(", weight_decay_on: [weights]").ID() {
		t.Error("saying weights changes the ID")
	}
	if decay(", weight_decay_on: [gamma, biases]").ID() != decay(", weight_decay_on: [biases, gamma]").ID() {
		t.Error("the order changes the ID")
	}
	if decay("").ID() == decay(", weight_decay_on: [weights, gamma]").ID() {
		t.Error("gamma does not change the ID")
	}
}

func TestRolesAreThoseOfTheModels(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]models.Role{"weights": models.RoleWeight, "biases": models.RoleBias, "gamma": models.RoleGamma, "beta": models.RoleBeta} {
		if got := config.Role(word); got != want {
			t.Errorf("Role(%s) = %s, want %s", word, got, want)
		}
	}
}
