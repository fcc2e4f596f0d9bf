package channel_test

import (
	"testing"

	"espalier/models/prune/channel"
	"espalier/models/zoo"
	"espalier/models/zoo/zootest"
)

// A plan asks for the cost of many sets: a search for a budget, the saving of
// each unit.
func BenchmarkCounter(b *testing.B) {
	for _, arch := range []string{"vgg-16-bn", "resnet-56", "resnet-164", "densenet-40"} {
		net := zootest.Blank(b, zoo.Options{Arch: arch})
		counter, err := channel.NewCounter(net)
		if err != nil {
			b.Fatal(err)
		}
		found := groups(b, net)
		set := channel.Set{found[1].Name: {0}}
		b.Run(arch, func(b *testing.B) {
			for b.Loop() {
				if _, err := counter.After(set); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("groups/"+arch, func(b *testing.B) {
			for b.Loop() {
				if _, err := channel.Groups(net); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
