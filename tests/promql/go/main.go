// Program promql reads rules, queries and scrapes as Prometheus does, with its own code.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
)

const usage = `usage: promql COMMAND FILE...

  rules RULES                     reads a file of rule groups, as a Prometheus that starts with it
  alerts RULES CASES              runs cases of alerts; prints [{"alert", "case", "wrong"}], one for each case
  queries DASHBOARD SCRAPE...     runs a dashboard's queries against scrapes, a minute apart;
                                  prints [{"panel", "query", "found"}], one for each query`

// limit ends a query that hangs; one of a test takes milliseconds.
const limit = time.Minute

var syntax = parser.NewParser(parser.Options{})

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "promql:", err)
		os.Exit(1)
	}
}

func run(arguments []string, out io.Writer) error {
	if len(arguments) < 2 {
		return fmt.Errorf("a command and its files are needed\n%s", usage)
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	command, files := arguments[0], arguments[1:]
	switch {
	case command == "rules" && len(files) == 1:
		_, err := readRules(files[0])
		return err
	case command == "alerts" && len(files) == 2:
		outcomes, err := runCases(ctx, files[0], files[1])
		if err != nil {
			return err
		}
		return json.NewEncoder(out).Encode(outcomes)
	case command == "queries" && len(files) > 2:
		answers, err := runQueries(ctx, files[0], files[1:])
		if err != nil {
			return err
		}
		return json.NewEncoder(out).Encode(answers)
	}
	return fmt.Errorf("%q is not a command, or has other files\n%s", command, usage)
}

// newEngine is Prometheus's, with the defaults of its flags.
func newEngine() *promql.Engine {
	return promql.NewEngine(promql.EngineOpts{
		Logger:               slog.New(slog.DiscardHandler),
		MaxSamples:           50_000_000,
		Timeout:              limit,
		LookbackDelta:        5 * time.Minute,
		EnableAtModifier:     true,
		EnableNegativeOffset: true,
		Parser:               syntax,
	})
}

// instant runs a query at one time.
func instant(ctx context.Context, engine *promql.Engine, series *memory, text string, at time.Time) (promql.Vector, error) {
	query, err := engine.NewInstantQuery(ctx, series, nil, text, at)
	if err != nil {
		return nil, err
	}
	defer query.Close()
	result := query.Exec(ctx)
	if result.Err != nil {
		return nil, result.Err
	}
	if number, is := result.Value.(promql.Scalar); is {
		return promql.Vector{{T: number.T, F: number.V}}, nil
	}
	found, err := result.Vector()
	// What the engine gives goes back to it when the query is closed.
	return slices.Clone(found), err
}
