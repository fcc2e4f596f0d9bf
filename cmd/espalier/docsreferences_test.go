package main

import (
	"testing"

	"espalier/workers/mlflow/mlflowtest"
)

// under are a run and a sweep under way, which wait more than they compute, with
// a worker of their own.
const under = `
sed "s/NAME/$PAGE/; s/QUEUE/$PAGE/" long.yaml > $PAGE.yaml
sed "s/NAME/$PAGE-sweep/; s/QUEUE/$PAGE/" long.yaml > many.yaml
echo "sweep: {search: {random: {trials: 500}}, params: {exec.target: {min: 10%, max: 90%}}, concurrency: 1}" >> many.yaml
sed "s/^name: .*/name: $PAGE-gone/" spec.yaml > gone.yaml
RUN=$(espalier submit $PAGE.yaml | grep "^$PAGE-"); MANY=$(espalier submit many.yaml | grep "^$PAGE-")
serve espalier worker --queue $PAGE=3 --trainer slow='sh slow.sh'
`

// references are the pages that list commands.
func (s *stage) references(t *testing.T) []page {
	return []page{s.readme(), s.control(), s.commandPage(t)}
}

func (s *stage) readme() page {
	return page{
		path: "README.md", needs: []string{"python3", "make"}, env: []string{"PAGE=readme"},
		// GO=true, so that make quickstart does all but build.
		before: under + "espalier export " + s.quick + " -o net.onnx",
		left:   map[string]string{"make test": "this is one of its tests"},
		words: []string{
			"SPEC", "spec.yaml", "ID...", s.quick, "NAME", "lenet-5", "NETWORK", s.quick, "FILE", "quick", "CHECKPOINT", "quick.esp",
			"DENSE SMALLER...", "quick.safetensors quick.esp --rounds 1",
		},
		instead: map[string]string{
			"espalier server":                             "espalier server --home other --temporal-port 0 --s3-port 0 --dashboard 127.0.0.1:0",
			"espalier submit SPEC":                        "espalier submit spec.yaml",
			"espalier watch RUN":                          "espalier watch " + s.quick,
			"espalier status RUN":                         "espalier status $RUN",
			"espalier pause RUN":                          "espalier pause $RUN; comes ' paused$' espalier status $RUN",
			"espalier resume RUN":                         "espalier resume $RUN; comes ' running' espalier status $RUN",
			"espalier cancel RUN":                         "espalier cancel $RUN; comes ' cancelled$' espalier status $RUN",
			"espalier retry":                              "espalier retry $RUN",
			"espalier change":                             "espalier change $MANY --concurrency 2",
			"espalier extend":                             "espalier extend " + s.quick + " --passes 4",
			"espalier fork":                               "espalier fork " + s.quick + " --from 2 --set prune.finetune.epochs=2",
			"espalier tag RUN WORD":                       "espalier tag $RUN slow",
			"espalier note RUN TEXT":                      "espalier note $RUN 'it is slow'",
			"espalier results RUN -o FILE":                "espalier results " + s.quick + " -o quick.csv",
			"espalier bundle RUN":                         "espalier bundle " + s.quick + " -o quick.tar",
			"espalier reproduce BUNDLE":                   "espalier reproduce quick.tar",
			"espalier import FILE":                        "espalier import net.onnx",
			"espalier export NETWORK -o FILE":             "espalier export " + s.quick + " -o quick.pth",
			"espalier files RUN -o FOLDER":                "espalier files " + s.toy + " -o network",
			"espalier unpack":                             "espalier unpack quick.esp -o quick.safetensors",
			"espalier verify":                             "espalier verify quick.esp",
			"espalier crossover":                          "espalier crossover --layer 64x64 --zeros 90 --rounds 1",
			"espalier predict MODEL IMAGE... --data NAME": "espalier predict quick.esp seven.png --data digits --form sparse",
			"espalier verify-resume SPEC":                 "espalier verify-resume spec.yaml --kills 1",
			"espalier completion":                         "espalier completion bash > completion",
		},
		after: "espalier cancel $RUN --discard; espalier cancel $MANY --discard; test -s network/state",
	}
}

func (s *stage) control() page {
	return page{
		path: "docs/control.md", needs: []string{"python3"}, env: []string{"PAGE=control"}, before: under,
		instead: map[string]string{
			"espalier pause RUN":                                 "espalier pause $RUN; comes ' paused$' espalier status $RUN; espalier pause $RUN | grep 'nothing changed'",
			"espalier resume RUN":                                "espalier resume $RUN; comes ' running' espalier status $RUN",
			"espalier cancel RUN":                                "espalier cancel $RUN; comes ' cancelled$' espalier status $RUN",
			"espalier cancel RUN --discard":                      "espalier cancel $(espalier submit gone.yaml | grep ^control-) --discard",
			"espalier retry RUN":                                 "espalier retry $RUN; comes ' running' espalier status $RUN",
			"espalier retry SWEEP [--trial N]":                   "espalier retry " + s.sweep + " --trial 2",
			"espalier extend RUN --passes N":                     "espalier extend " + s.quick + " --passes 4",
			"espalier extend SWEEP --trials N":                   "espalier extend $MANY --trials 600",
			"espalier fork RUN --from PASS --set PATH=VALUE":     "espalier fork " + s.quick + " --from 2 --set prune.finetune.epochs=2",
			"espalier change SWEEP --concurrency N --priority P": "espalier change $MANY --concurrency 2 --priority 1",
			"espalier tag RUN WORD":                              "espalier tag $RUN slow",
			"espalier note RUN WORD":                             "espalier note $RUN late",
		},
		after: "espalier list --tag slow | grep $RUN; espalier status $RUN | grep late; espalier status $MANY | grep 600\n" +
			"espalier cancel $RUN --discard; espalier cancel $MANY --discard",
	}
}

// commandPage is docs/commands.md, whose examples are those of the help.
func (s *stage) commandPage(t *testing.T) page {
	tracking := mlflowtest.New(t).URL
	return page{
		path: "docs/commands.md", fenced: true, needs: []string{"python3"}, env: []string{"PAGE=commands"},
		before: under + "espalier export " + s.quick + " -o mnist.onnx; espalier import mnist.onnx --out dense.safetensors\n" +
			"espalier import mnist.onnx --out pruned.safetensors; espalier pack " + s.quick + " -o pruned.esp",
		words: []string{
			"quickstart-1a2b3c4d5e6f", s.quick, "sweep-digits-918f3c8a0ed1", s.sweep, "3f9a1c22b0de", s.final, "77b1e04d95aa", s.dense,
			"pytorch-1a2b3c4d5e6f", s.toy, "http://localhost:5000", tracking, "http://169.254.169.254", nothing(t),
			"pytorch=examples/pytorch/trainer.py", "pytorch='python3 trainer.py'", "quickstart.yaml --kills 5", "quickstart.yaml --kills 1",
			"bench dense.safetensors", "bench --rounds 1 dense.safetensors",
		},
		instead: map[string]string{
			"espalier reproduce quickstart.tar --step 3f9a1c22 --data ~/mnist": aStep,
			"espalier crossover": "espalier crossover --layer 64x64 --zeros 90 --rounds 1",
			"espalier crossover --layer 4096x4096 --layer 64x64x3x3@8x8 --batch 1,64 --svg crossover.svg": "espalier crossover --layer 96x96 --layer 8x8x3x3@8x8 --batch 1,64 --svg crossover.svg --zeros 50,90 --rounds 1",
			"espalier predict 3f9a1c22b0de test_batch.bin --data cifar10 --limit 100 --json":              "espalier predict resnet20.safetensors test_batch.bin --data cifar10 --limit 100 --json",
			"espalier cancel quickstart-1a2b3c4d5e6f --note maintenance":                                  "espalier cancel $RUN --note maintenance; comes ' cancelled$' espalier status $RUN; espalier submit $PAGE.yaml",
			"espalier cancel quickstart-1a2b3c4d5e6f --discard":                                           "espalier cancel $(espalier submit gone.yaml | grep ^commands-) --discard",
			"espalier change sweep-digits-918f3c8a0ed1 --concurrency 8 --priority 2":                      "espalier change $MANY --concurrency 8 --priority 2",
			"espalier extend random-5d0c8b1e7f42 --trials 600":                                            "espalier extend $MANY --trials 600",
			"espalier pause quickstart-1a2b3c4d5e6f --note maintenance":                                   "espalier pause $RUN --note maintenance; comes ' paused$' espalier status $RUN",
			"espalier resume quickstart-1a2b3c4d5e6f --note maintenance":                                  "espalier resume $RUN --note maintenance; comes ' running' espalier status $RUN",
			"espalier dashboard": "espalier dashboard --address 127.0.0.1:0",
			"espalier server --temporal-port 7233 --s3-port 9000":                "espalier server --temporal-port 0 --s3-port 0 --dashboard off --versions --home other",
			"espalier worker --deployment espalier --version-name 1.4 --promote": "espalier worker --deployment espalier --version-name 1.4 --promote --home other",
		},
		after: "espalier cancel $RUN --discard; espalier cancel $MANY --discard; test -s network/state; grep '</svg>' crossover.svg sensitivity.svg resnet-20.svg",
	}
}

// aStep does the third step of a bundle again.
const aStep = "step=$(tar -xOf quickstart.tar manifest.json | sed -n 's/^ *\"key\": \"\\(......\\).*/\\1/p' | sed -n 3p)\n" +
	"espalier reproduce quickstart.tar --step $step"
