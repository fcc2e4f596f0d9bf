package onnx

import (
	"slices"

	"google.golang.org/protobuf/proto"

	"espalier/models/export/onnx/internal/onnxpb"
)

// Beside names the files in which the ONNX file of these bytes keeps weights,
// sorted; its own folder has them. Of what is no ONNX file there are none:
// [Load] says so.
func Beside(data []byte) []string {
	var file onnxpb.ModelProto
	if err := proto.Unmarshal(data, &file); err != nil {
		return nil
	}
	tensors := slices.Clone(file.GetGraph().GetInitializer())
	for _, n := range file.GetGraph().GetNode() {
		for _, a := range n.GetAttribute() {
			tensors = append(tensors, a.GetT())
		}
	}
	var names []string
	for _, t := range tensors {
		if t.GetDataLocation() == onnxpb.TensorProto_EXTERNAL {
			names = append(names, location(t))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// location names the file that has a tensor's values.
func location(t *onnxpb.TensorProto) string {
	for _, e := range t.GetExternalData() {
		if e.GetKey() == "location" {
			return e.GetValue()
		}
	}
	return ""
}
