package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/prometheus/prometheus/promql"
)

// dashboard is what of Grafana's format has queries.
type dashboard struct {
	Panels     []panel `json:"panels"`
	Templating struct {
		List []variable `json:"list"`
	} `json:"templating"`
}

type panel struct {
	Title   string `json:"title"`
	Type    string `json:"type"`
	Targets []struct {
		Expr string `json:"expr"`
	} `json:"targets"`
}

type variable struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	Query string `json:"query"`
}

// answer says how many series a query gives that hold a number.
type answer struct {
	Panel string `json:"panel"`
	Query string `json:"query"`
	Found int    `json:"found"`
}

// labelValues is Grafana's way to ask for the values of a variable.
var labelValues = regexp.MustCompile(`^label_values\((.+), *([a-z_]+)\)$`)

func runQueries(ctx context.Context, dashboardFile string, scrapes []string) ([]answer, error) {
	text, err := os.ReadFile(dashboardFile)
	if err != nil {
		return nil, err
	}
	var board dashboard
	if err := json.Unmarshal(text, &board); err != nil {
		return nil, fmt.Errorf("%s: %w", dashboardFile, err)
	}
	series, last, err := readScrapes(scrapes)
	if err != nil {
		return nil, err
	}
	engine := newEngine()
	var answers []answer
	ask := func(title, query string) error {
		found, err := numbers(ctx, engine, series, fill(query, board.Templating.List), last)
		if err != nil {
			return fmt.Errorf("%s: %s: %w", title, query, err)
		}
		answers = append(answers, answer{title, query, found})
		return nil
	}
	for _, variable := range board.Templating.List {
		if variable.Type != "query" {
			continue
		}
		parts := labelValues.FindStringSubmatch(variable.Query)
		if parts == nil {
			return nil, fmt.Errorf("variable %s: %q is not label_values(…, …)", variable.Name, variable.Query)
		}
		query := fmt.Sprintf(`count by (%[2]s) (%[1]s) unless count by (%[2]s) (%[1]s{%[2]s=""})`, parts[1], parts[2])
		if err := ask("variable "+variable.Name, query); err != nil {
			return nil, err
		}
	}
	for _, panel := range board.Panels {
		if panel.Type != "row" && len(panel.Targets) == 0 {
			return nil, fmt.Errorf("panel %q has no query", panel.Title)
		}
		for _, target := range panel.Targets {
			if err := ask(panel.Title, target.Expr); err != nil {
				return nil, err
			}
		}
	}
	return answers, nil
}

// readScrapes gives them a minute apart, under the labels that a ServiceMonitor gives.
func readScrapes(files []string) (*memory, time.Time, error) {
	series := newMemory()
	target := map[string]string{
		"job": "logto-hasura", "namespace": "logto-hasura", "pod": "logto-hasura-0", "instance": "10.0.0.1:8080",
		"service": "logto-hasura", "endpoint": "http", "container": "operator",
	}
	at := time.UnixMilli(0)
	for number, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, at, err
		}
		at = time.UnixMilli(int64(number) * step.Milliseconds())
		if err := series.scrape(text, target, at.UnixMilli()); err != nil {
			return nil, at, fmt.Errorf("%s: %w", file, err)
		}
	}
	return series, at, nil
}

// fill puts in what Grafana would for its own variables, and all that there is for the dashboard's.
func fill(query string, variables []variable) string {
	query = strings.ReplaceAll(query, "$__rate_interval", "4m")
	for _, variable := range variables {
		query = strings.ReplaceAll(query, "$"+variable.Name, ".*")
	}
	return query
}

// numbers counts the series that are there; what is no number draws nothing.
func numbers(ctx context.Context, engine *promql.Engine, series *memory, query string, at time.Time) (int, error) {
	vector, err := instant(ctx, engine, series, query, at)
	if err != nil {
		return 0, err
	}
	found := 0
	for _, sample := range vector {
		if !math.IsNaN(sample.F) {
			found++
		}
	}
	return found, nil
}
