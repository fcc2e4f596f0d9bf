package models

// Op names what a node computes.
type Op string

// The operations of the graph. Images are C x H x W, without the batch axis.
const (
	OpInput   Op = "input"   // the network's input, one per network, first
	OpFlatten Op = "flatten" // all axes but the batch joined, row-major
	OpLinear  Op = "linear"  // y = x W^T + b; NAME.weight (out x in), NAME.bias (out) unless Attrs.NoBias
	OpDropout Op = "dropout" // zeroes a share Attrs.Rate in training, identity otherwise

	// OpConv2D is cross-correlation with Attrs.Out filters: NAME.weight
	// (out x in/groups x kernel height x kernel width), NAME.bias (out) unless
	// Attrs.NoBias. Attrs.Groups equal to the input's channels is depthwise.
	OpConv2D Op = "conv2d"
	// OpBatchNorm normalizes each channel of an image, or each feature of a
	// flat input, over the batch in training and by the running statistics
	// otherwise (Ioffe and Szegedy 2015): NAME.gamma unless Attrs.NoScale,
	// NAME.beta unless Attrs.NoShift, NAME.mean and NAME.variance.
	OpBatchNorm Op = "batch_norm"

	OpMaxPool       Op = "max_pool"        // padding never wins; kernel 1 with a stride is subsampling
	OpAvgPool       Op = "avg_pool"        // padding counts in the divisor only with Attrs.CountPad
	OpGlobalAvgPool Op = "global_avg_pool" // C x H x W to C x 1 x 1

	OpAdd    Op = "add"    // sum of two or more inputs of one shape
	OpMul    Op = "mul"    // product of two inputs; a C x 1 x 1 second one is spread over H x W
	OpConcat Op = "concat" // of two or more inputs, along the channels
	// OpChannelSelect gathers the channels Attrs.Channels of an image or the
	// features of a flat input; -1 gives one of zeros. It is the zero-padded
	// shortcut of residual networks and what pruning leaves where tensors that
	// meet keep different channels.
	OpChannelSelect Op = "channel_select"

	OpReLU        Op = "relu"         // max(x, 0)
	OpReLU6       Op = "relu6"        // min(max(x, 0), 6)
	OpLeakyReLU   Op = "leaky_relu"   // x, or Attrs.Slope times x where x is negative
	OpSigmoid     Op = "sigmoid"      // 1 / (1 + exp(-x))
	OpTanh        Op = "tanh"         // hyperbolic tangent
	OpHardSigmoid Op = "hard_sigmoid" // min(max(x/6 + 1/2, 0), 1)
	OpHardSwish   Op = "hard_swish"   // x times hard_sigmoid(x)
	OpSiLU        Op = "silu"         // x times sigmoid(x)
	OpLRN         Op = "lrn"          // local response normalization across channels (Krizhevsky et al. 2012, section 3.3)
)

// Attrs are the settings of a node; which ones count depends on its Op. A pair
// is height and width; the zero pair stands for 1 x 1.
type Attrs struct {
	Out  int     `json:"out,omitempty"`  // linear: output features; conv2d: filters
	Rate float64 `json:"rate,omitempty"` // dropout: share of activations zeroed in training

	Kernel   [2]int `json:"kernel,omitzero"`     // conv2d, max_pool, avg_pool
	Stride   [2]int `json:"stride,omitzero"`     // the same
	Pad      [4]int `json:"pad,omitzero"`        // the same: zeros above, left, below, right
	Dilation [2]int `json:"dilation,omitzero"`   // conv2d: distance of the filter's taps
	Groups   int    `json:"groups,omitempty"`    // conv2d: 0 is 1
	NoBias   bool   `json:"no_bias,omitempty"`   // conv2d, linear
	Ceil     bool   `json:"ceil,omitempty"`      // pools: a last window may hang over the edge
	CountPad bool   `json:"count_pad,omitempty"` // avg_pool: padding counts in the divisor

	Eps      float64 `json:"eps,omitempty"`      // batch_norm: added to the variance; 0 is 1e-5
	Momentum float64 `json:"momentum,omitempty"` // batch_norm: the new batch's share of the running statistics; 0 is 0.1
	NoScale  bool    `json:"no_scale,omitempty"` // batch_norm: without gamma
	NoShift  bool    `json:"no_shift,omitempty"` // batch_norm: without beta

	Channels []int   `json:"channels,omitempty"` // channel_select
	Slope    float64 `json:"slope,omitempty"`    // leaky_relu

	Size  int     `json:"size,omitempty"`  // lrn: channels in the sum
	Alpha float64 `json:"alpha,omitempty"` // lrn: y = x / (Bias + Alpha/Size * sum x^2)^Beta
	Beta  float64 `json:"beta,omitempty"`  // lrn
	Bias  float64 `json:"bias,omitempty"`  // lrn
}

// The defaults of batch normalization, PyTorch's.
const (
	defaultEps      = 1e-5
	defaultMomentum = 0.1
)

// Defaults returns a with every zero that stands for a default replaced by it:
// kernel, stride and dilation 1 x 1, one group, batch normalization's epsilon
// and momentum.
func (a Attrs) Defaults() Attrs {
	for _, pair := range []*[2]int{&a.Kernel, &a.Stride, &a.Dilation} {
		if *pair == [2]int{} {
			*pair = [2]int{1, 1}
		}
	}
	if a.Groups == 0 {
		a.Groups = 1
	}
	if a.Eps == 0 {
		a.Eps = defaultEps
	}
	if a.Momentum == 0 {
		a.Momentum = defaultMomentum
	}
	return a
}

// Role says what part a parameter plays in its node, so that criteria and
// regularizers can choose by it.
type Role string

// The roles of parameters, in their order within a node.
const (
	RoleWeight   Role = "weight"
	RoleBias     Role = "bias"
	RoleGamma    Role = "gamma"    // batch_norm: scale
	RoleBeta     Role = "beta"     // batch_norm: shift
	RoleMean     Role = "mean"     // batch_norm: running mean, not trained
	RoleVariance Role = "variance" // batch_norm: running variance, not trained
)

// Trained says whether gradients move a parameter of this role. What they do
// not move are statistics: part of the network, no parameter in a count.
func (r Role) Trained() bool { return r != RoleMean && r != RoleVariance }
