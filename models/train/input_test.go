package train_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"espalier/models"
	"espalier/models/checkpoint"
	"espalier/models/train"
)

func TestBadOptionsAreNamed(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		change func(*train.Options)
		want   string
	}{
		"epochs":            {func(o *train.Options) { o.Epochs = -1 }, "epochs -1"},
		"batch":             {func(o *train.Options) { o.Batch = 0 }, "batch 0"},
		"optimizer":         {func(o *train.Options) { o.Optimizer.Kind = "sdg" }, `optimizer "sdg" is not known, want one of sgd, adam, adamw`},
		"lr zero":           {func(o *train.Options) { o.Optimizer.LR = 0 }, "lr 0"},
		"lr NaN":            {func(o *train.Options) { o.Optimizer.LR = math.NaN() }, "lr NaN"},
		"lr infinite":       {func(o *train.Options) { o.Optimizer.LR = math.Inf(1) }, "lr +Inf"},
		"momentum":          {func(o *train.Options) { o.Optimizer.Momentum = 1 }, "momentum 1 is not in [0, 1)"},
		"momentum NaN":      {func(o *train.Options) { o.Optimizer.Momentum = math.NaN() }, "momentum NaN"},
		"nesterov":          {func(o *train.Options) { o.Optimizer.Momentum, o.Optimizer.Nesterov = 0, true }, "nesterov wants a momentum"},
		"weight decay":      {func(o *train.Options) { o.Optimizer.WeightDecay = -1 }, "weight_decay -1"},
		"beta1":             {func(o *train.Options) { o.Optimizer = adam; o.Optimizer.Beta1 = 1 }, "beta1 1"},
		"beta2":             {func(o *train.Options) { o.Optimizer = adam; o.Optimizer.Beta2 = -0.1 }, "beta2 -0.1"},
		"eps":               {func(o *train.Options) { o.Optimizer = adamw; o.Optimizer.Eps = 0 }, "eps 0"},
		"eps too small":     {func(o *train.Options) { o.Optimizer = adamw; o.Optimizer.Eps = 1e-60 }, "eps 1e-60"},
		"l1":                {func(o *train.Options) { o.L1.Weight = -1 }, "l1: weight -1"},
		"l2":                {func(o *train.Options) { o.L2.Gamma = math.NaN() }, "l2: gamma NaN"},
		"l1 bias":           {func(o *train.Options) { o.L1.Bias = math.Inf(1) }, "l1: bias +Inf"},
		"l2 beta":           {func(o *train.Options) { o.L2.Beta = -2 }, "l2: beta -2"},
		"l1 pattern":        {func(o *train.Options) { o.L1.Only = []string{"fc["} }, `l1: only: pattern "fc[" is malformed`},
		"l1 of nothing":     {func(o *train.Options) { o.L1.Only = []string{"fc*", "conv*"} }, `l1: only: "conv*" matches no layer`},
		"l2 of no layer":    {func(o *train.Options) { o.L2.Only = []string{"relu1"} }, `l2: only: "relu1" matches no layer with parameters of network tiny`},
		"lambda":            {func(o *train.Options) { o.Proximal = []train.Proximal{{Param: "fc1.weight", Lambda: -1}} }, "proximal: parameter fc1.weight: lambda -1"},
		"lambda infinite":   {func(o *train.Options) { o.Proximal = []train.Proximal{{Param: "fc1.weight", Lambda: math.Inf(1)}} }, "lambda +Inf"},
		"lambda of nothing": {func(o *train.Options) { o.Proximal = []train.Proximal{{Param: "fc9.weight"}} }, `network tiny has no parameter "fc9.weight"`},
		"lambda twice":      {func(o *train.Options) { o.Proximal = []train.Proximal{{Param: "a"}, {Param: "a"}} }, `"a" is named twice`},
		"until":             {func(o *train.Options) { o.Until = 5 }, "until 5 is not in 0 to 4"},
		"until before 0":    {func(o *train.Options) { o.Until = -1 }, "until -1"},
		"decay on":          {func(o *train.Options) { o.Optimizer.DecayOn = []models.Role{models.RoleMean} }, "weight decay on mean, which is not trained"},
		"label smoothing":   {func(o *train.Options) { o.LabelSmoothing = 1 }, "label_smoothing 1 is not in [0, 1)"},
		"distill weight":    {func(o *train.Options) { o.Distill.Weight = 2 }, "distillation: weight 2 is not in [0, 1]"},
		"temperature":       {func(o *train.Options) { o.Distill.Weight = 1 }, "distillation: temperature 0"},
		"ema":               {func(o *train.Options) { o.EMA = 1 }, "ema 1 is not in [0, 1)"},
		"ema NaN":           {func(o *train.Options) { o.EMA = math.NaN() }, "ema NaN"},
		"clip":              {func(o *train.Options) { o.Clip = math.Inf(1) }, "clip +Inf"},
		"schedule":          {func(o *train.Options) { o.Schedule.Kind = "" }, `schedule "" is not known, want one of constant, cosine, step, one-cycle`},
		"warmup":            {func(o *train.Options) { o.Schedule.Warmup = 5 }, "warmup 5 is not in 0 to 4"},
		"warmup below zero": {func(o *train.Options) { o.Schedule.Warmup = -1 }, "warmup -1"},
		"every":             {func(o *train.Options) { o.Schedule = train.Schedule{Kind: "step", Factor: 0.5} }, "every 0"},
		"every and at":      {func(o *train.Options) { o.Schedule = train.Schedule{Kind: "step", Every: 1, At: []int{2}, Factor: 0.5} }, "every 1 and at [2]"},
		"at 0":              {func(o *train.Options) { o.Schedule = train.Schedule{Kind: "step", At: []int{0, 2}, Factor: 0.5} }, "at [0 2]: want epochs from 1"},
		"at falls":          {func(o *train.Options) { o.Schedule = train.Schedule{Kind: "step", At: []int{3, 3}, Factor: 0.5} }, "in rising order"},
		"factor":            {func(o *train.Options) { o.Schedule = train.Schedule{Kind: "step", Every: 1, Factor: 2} }, "factor 2"},
		"factor NaN":        {func(o *train.Options) { o.Schedule = train.Schedule{Kind: "step", Every: 1, Factor: math.NaN()} }, "factor NaN"},
		"final":             {func(o *train.Options) { o.Schedule.Final = 1.5 }, "final 1.5"},
	}
	net := network(0, 1)
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options(momentum)
			c.change(&o)
			_, err := train.New(net, open(net, 1), newClusters(samples, 1), o, nil)
			wantError(t, err, c.want)
		})
	}
}

func wantError(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want one with %q", err, want)
	}
}

func TestAForeignStateIsRefused(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		change func(*checkpoint.Training)
		want   string
	}{
		"other optimizer":     {func(s *checkpoint.Training) { s.Numbers = map[string]float64{"adam/step": 11} }, `not of optimizer sgd: it has ["adam/step"]`},
		"no numbers":          {func(s *checkpoint.Training) { s.Numbers = nil }, "not of optimizer sgd"},
		"other step":          {func(s *checkpoint.Training) { s.Numbers["sgd/step"] = 10 }, "has taken 10 steps, the cursor says 11"},
		"step NaN":            {func(s *checkpoint.Training) { s.Numbers["sgd/step"] = math.NaN() }, "has taken NaN steps"},
		"missing tensor":      {func(s *checkpoint.Training) { delete(s.Tensors, "momentum/fc2.bias") }, "momentum/fc2.bias of optimizer sgd is missing"},
		"no tensors":          {func(s *checkpoint.Training) { s.Tensors = nil }, "is missing"},
		"short tensor":        {func(s *checkpoint.Training) { s.Tensors["momentum/fc2.bias"] = []float32{1} }, "momentum/fc2.bias has 1 values, want 4"},
		"tensor too many":     {func(s *checkpoint.Training) { s.Tensors["momentum/fc3.bias"] = []float32{1} }, "momentum/fc3.bias is not one of"},
		"epoch past the end":  {func(s *checkpoint.Training) { s.Cursor.Epoch = 4 }, "outside 4 epochs of 8 batches"},
		"negative epoch":      {func(s *checkpoint.Training) { s.Cursor.Epoch = -1 }, "outside"},
		"batch past the end":  {func(s *checkpoint.Training) { s.Cursor.Batch = 8 }, "outside"},
		"negative batch":      {func(s *checkpoint.Training) { s.Cursor.Batch = -1 }, "outside"},
		"an average":          {func(s *checkpoint.Training) { s.Tensors["ema/fc2.bias"] = make([]float32, 4) }, "ema/fc2.bias is not one of"},
		"other epoch length":  {func(s *checkpoint.Training) { s.Cursor.Step = 12 }, "says step 12, want 11"},
		"too many seen":       {func(s *checkpoint.Training) { s.Cursor.Seen = 25 }, "sums do not fit"},
		"too few seen":        {func(s *checkpoint.Training) { s.Cursor.Seen = 2 }, "sums do not fit"},
		"more right than can": {func(s *checkpoint.Training) { s.Cursor.Correct = 25 }, "sums do not fit"},
		"loss NaN":            {func(s *checkpoint.Training) { s.Cursor.LossSum = math.NaN() }, "sums do not fit"},
	}
	net, o := network(0, 1), options(momentum)
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			trainer := start(t, net, o, nil)
			run(t, trainer, 11)
			s := trainer.Snapshot()
			c.change(s.Training)
			_, err := train.New(s.Network, open(s.Network, 1), newClusters(samples, 1), o, s.Training)
			wantError(t, err, c.want)
		})
	}
}

func TestASessionOfAnotherNetworkIsRefused(t *testing.T) {
	t.Parallel()
	source, o := newClusters(samples, 1), options(plain)
	invalid := network(0, 1)
	invalid.Params[0].Data = invalid.Params[0].Data[1:]
	renamed := open(network(0, 1), 1)
	renamed.params[1].Name = "fc9.bias"
	fewer := open(network(0, 1), 1)
	fewer.params = fewer.params[:2]
	cases := map[string]struct {
		net  *models.Network
		sess *session
		want string
	}{
		"not valid":  {invalid, open(network(0, 1), 1), "parameter fc1.weight"},
		"fewer":      {network(0, 1), fewer, "the session has 2 parameters, network tiny has 4"},
		"other name": {network(0, 1), renamed, "has fc1.bias of 9 here"},
		"other mask": {prune(network(0, 1), 0.5, 1), open(network(0, 1), 1), "mask of fc1.weight"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := train.New(c.net, c.sess, source, o, nil)
			wantError(t, err, c.want)
		})
	}
	_, err := train.New(network(0, 1), open(network(0, 1), 1), newClusters(0, 1), o, nil)
	wantError(t, err, "0 batches")
}

// flaky fails to give a batch the first time it is asked for, or gives one
// that is not what it should be.
type flaky struct {
	*clusters
	answer func(x []float32, labels []int32) ([]float32, []int32, error)
}

func (f *flaky) Batch(epoch, i int) ([]float32, []int32, error) {
	x, labels, err := f.clusters.Batch(epoch, i)
	if answer := f.answer; answer != nil && i == 3 {
		f.answer = nil
		return answer(x, labels)
	}
	return x, labels, err
}

func TestAFaultOfTheSourceCostsNothing(t *testing.T) {
	t.Parallel()
	net, o := network(0, 1), options(momentum)
	gone := errors.New("disk gone")
	cases := map[string]struct {
		answer func(x []float32, labels []int32) ([]float32, []int32, error)
		want   string
	}{
		"error":     {func([]float32, []int32) ([]float32, []int32, error) { return nil, nil, gone }, "epoch 0, batch 3: disk gone"},
		"empty":     {func([]float32, []int32) ([]float32, []int32, error) { return nil, nil, nil }, "0 samples, want 1 to 8"},
		"too long":  {func(x []float32, l []int32) ([]float32, []int32, error) { return x, append(l, 0), nil }, "9 samples, want 1 to 8"},
		"too short": {func(x []float32, l []int32) ([]float32, []int32, error) { return x[1:], l, nil }, "47 input values for 8 samples, want 48"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := start(t, net, o, nil)
			run(t, want, -1)
			trainer, err := train.New(net, open(net, o.Seed), &flaky{newClusters(samples, o.Seed), c.answer}, o, nil)
			if err != nil {
				t.Fatal(err)
			}
			run(t, trainer, 3)
			_, err = trainer.Step()
			wantError(t, err, c.want)
			if name == "error" && !errors.Is(err, gone) {
				t.Errorf("error %v does not wrap the source's", err)
			}
			run(t, trainer, -1)
			if d := diff(want, trainer); d != "" {
				t.Errorf("training ended elsewhere:\n%s", d)
			}
		})
	}
}
