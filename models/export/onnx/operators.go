package onnx

import (
	"errors"
	"fmt"
	"math"
	"strconv"

	"espalier/models"
	"espalier/models/export/onnx/internal/onnxpb"
)

// operators are the operators that are understood, by name.
func operators() map[string]operator {
	return map[string]operator{
		"Conv": conv, "Gemm": gemm, "MatMul": matMul, "BatchNormalization": batchNorm, "LRN": lrn,

		"MaxPool": maxPool, "AveragePool": averagePool, "GlobalAveragePool": globalAveragePool,
		"GlobalMaxPool": globalMaxPool, "ReduceMean": reduceMean, "Pad": pad,

		"Relu": pointwise(models.OpReLU), "Sigmoid": pointwise(models.OpSigmoid), "Tanh": pointwise(models.OpTanh),
		"HardSwish": pointwise(models.OpHardSwish), "HardSigmoid": hardSigmoid,
		"Swish": swish, "LeakyRelu": leakyReLU, "PRelu": pReLU, "Clip": clip,
		"Softmax": softmax, "LogSoftmax": softmax, "Dropout": dropout,

		"Add": elementwise, "Sub": elementwise, "Mul": elementwise, "Div": elementwise, "Sum": sum, "Neg": neg, "Concat": concat,

		"Flatten": flatten, "Reshape": reshape, "Squeeze": squeeze, "Unsqueeze": unsqueeze, "Transpose": transpose,
		"Slice": slice, "Split": split, "Gather": gather,

		"Identity": identity, "Cast": castOp, "Constant": constantOp, "ConstantOfShape": constantOfShape,
		"Shape": shapeOp, "Sqrt": sqrt, "DequantizeLinear": dequantize,
	}
}

// identity passes its input on.
func identity(o *op) error {
	if len(o.in) == 0 {
		return errors.New("input 0 is missing")
	}
	return o.pass(o.in[0])
}

// pass makes a copy of v the output.
func (o *op) pass(v *value) error {
	next := *v
	next.alone = v.alone && (v.constant != nil || o.alone(0))
	return o.set(&next)
}

func castOp(o *op) error {
	to := o.int("to", 0)
	o.int("saturate", 1)
	o.text("round_mode", "")
	if !o.folds(1) {
		switch onnxpb.TensorProto_DataType(to) {
		case onnxpb.TensorProto_FLOAT, onnxpb.TensorProto_FLOAT16, onnxpb.TensorProto_DOUBLE, onnxpb.TensorProto_BFLOAT16:
			return identity(o)
		}
		return fmt.Errorf("an activation cast to %v is not supported", onnxpb.TensorProto_DataType(to))
	}
	c, err := o.constant(0)
	if err != nil {
		return err
	}
	return o.fold(cast(c, to))
}

// fold makes a constant the output.
func (o *op) fold(c *constant, err error) error {
	if err != nil {
		return err
	}
	return o.set(&value{constant: c})
}

func constantOp(o *op) error {
	const types = "value, value_float, value_floats, value_int and value_ints are supported"
	if a := o.attribute("value", onnxpb.AttributeProto_TENSOR); a != nil {
		return o.fold(o.tensor(a.GetT()))
	}
	if a := o.attribute("value_float", onnxpb.AttributeProto_FLOAT); a != nil {
		return o.fold(&constant{floats: []float32{a.GetF()}}, nil)
	}
	if a := o.attribute("value_floats", onnxpb.AttributeProto_FLOATS); a != nil {
		return o.fold((&constant{shape: []int{len(a.GetFloats())}, floats: a.GetFloats()}).notNil(false), nil)
	}
	if a := o.attribute("value_int", onnxpb.AttributeProto_INT); a != nil {
		return o.fold(&constant{ints: []int64{a.GetI()}}, nil)
	}
	if a := o.attribute("value_ints", onnxpb.AttributeProto_INTS); a != nil {
		return o.fold((&constant{shape: []int{len(a.GetInts())}, ints: a.GetInts()}).notNil(true), nil)
	}
	return errors.New("it has no value that is known; " + types)
}

func constantOfShape(o *op) error {
	c, err := o.constant(0)
	if err != nil {
		return err
	}
	sizes, err := c.integers()
	if err != nil {
		return err
	}
	one := &constant{shape: []int{1}, floats: []float32{0}}
	if a := o.attribute("value", onnxpb.AttributeProto_TENSOR); a != nil {
		if one, err = o.tensor(a.GetT()); err != nil {
			return err
		}
	}
	if one.size() != 1 {
		return fmt.Errorf("its value has %d elements, not 1", one.size())
	}
	shape := make([]int, len(sizes))
	for i, n := range sizes {
		if n < 0 || n > math.MaxInt32 {
			return errors.New("its shape is not known, or negative")
		}
		shape[i] = int(n)
	}
	return o.fold(o.strided(one, shape, make([]int, len(shape)), 0))
}

// shapeOp is the one place where the batch axis is seen: as a size that is not
// known.
func shapeOp(o *op) error {
	if len(o.in) == 0 {
		return errors.New("input 0 is missing")
	}
	var sizes []int64
	if c := o.in[0].constant; c != nil {
		for _, d := range c.shape {
			sizes = append(sizes, int64(d))
		}
	} else {
		sizes = append(sizes, batchSize)
		for _, d := range o.in[0].sizes() {
			sizes = append(sizes, int64(d))
		}
	}
	from, to := bounds(o.int("start", 0), o.int("end", math.MaxInt64), len(sizes))
	sizes = sizes[from:max(from, to)]
	return o.fold((&constant{shape: []int{len(sizes)}, ints: sizes}).notNil(true), nil)
}

// bounds are the ends of a slice of n elements, which may count from behind.
func bounds(from, to int64, n int) (int, int) {
	clip := func(i int64) int {
		if i < 0 {
			i += int64(n)
		}
		return int(min(max(i, 0), int64(n)))
	}
	return clip(from), clip(to)
}

func sqrt(o *op) error {
	c, err := o.constant(0)
	if err != nil {
		return err
	}
	if c.isInt() {
		return errors.New("of integers is not supported")
	}
	out, err := o.strided(c, c.shape, strides(c.shape), 0)
	if err != nil {
		return err
	}
	for i, x := range out.floats {
		out.floats[i] = float32(math.Sqrt(float64(x)))
	}
	return o.fold(out, nil)
}

// decimal is the number that a float32 was written for: 1e-05, not
// 9.99999974737875e-06.
func decimal(x float32) float64 {
	d, err := strconv.ParseFloat(strconv.FormatFloat(float64(x), 'g', -1, 32), 64)
	if err != nil { // infinities and NaN come here as they are
		return float64(x)
	}
	return d
}
