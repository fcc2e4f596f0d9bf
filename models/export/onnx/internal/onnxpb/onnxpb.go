// Package onnxpb holds the messages of an ONNX file, generated from the
// official onnx.proto3 of ONNX 1.22.0 (https://github.com/onnx/onnx, Apache-2.0,
// Copyright (c) ONNX Project Contributors), which lies beside it as onnx.proto.
package onnxpb

//go:generate protoc --go_out=. --go_opt=paths=source_relative --go_opt=Monnx.proto=espalier/models/export/onnx/internal/onnxpb onnx.proto
