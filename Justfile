# Each recipe is a line of plain commands, which also run without just.

# build mktail
build:
    go build -o mktail main.go

# all tests that need Go alone
test:
    go test $(cat .ci/packages)

# every fuzz target, each so often or so long; just fuzz 5m
fuzz OFTEN="20000x":
    .ci/fuzz {{OFTEN}}

# more random schedules of faults than go test runs
schedules N="10000":
    .ci/schedules {{N}}

# what the tests notice of small changes to the code; takes minutes for each package
mutants PACKAGES="./tail/logline ./tail/position ./tail/checkpoint ./tail/pods ./discover ./emit/jq ./cli/verdict":
    go run ./testdata/mutants {{PACKAGES}}

# templates beside those of stern, which needs a later Go
stern:
    . .ci/tools.env && GOTOOLCHAIN=$RELEASE_GO go test -C testdata/stern ./...

# what CI checks besides tests
lint:
    .ci/lint

# known vulnerabilities that mktail's code reaches (needs jq)
vulncheck:
    .ci/vulncheck

# a binary as it is released
release:
    . .ci/tools.env && GOTOOLCHAIN=$RELEASE_GO go build -trimpath -o mktail main.go

# end-to-end tests on real clusters (Linux, root, Debian's containerd, runc and iproute2)
e2e:
    go test -count=1 -timeout 40m ./testdata/e2e

# mktail on three simulated clusters; just demo --jq .line
demo *FLAGS:
    go run ./testdata/demo -- {{FLAGS}}

# cost per line beside stern (Linux)
bench:
    go run ./testdata/bench

# cost as the work grows, drawn for its README
bench-plot:
    go run ./testdata/bench -work scale -peers '' -data testdata/bench/scale.csv && go run -C testdata/bench/plot . ../scale.csv ../scale.svg

# pictures of --pretty, 80 and 200 columns wide, on dark and on light; just pictures DIR
pictures DIR="pictures":
    .ci/pictures {{DIR}}

# two real clusters, a and b (needs what e2e needs)
cluster-up:
    go run -C testdata/cluster . up a b

# ends them
cluster-down:
    go run -C testdata/cluster . down

# ten minutes of simulated clusters in trouble, with memory and goroutines over time
soak TIME="10m":
    go run ./testdata/soak -for {{TIME}}
