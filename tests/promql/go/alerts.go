package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/template"
	"go.yaml.in/yaml/v3"
)

// step is between two samples of a case, and between two evaluations of its rule.
const step = time.Minute

// aCase is a state of the operator, and what an alert makes of it.
type aCase struct {
	Alert string `yaml:"alert"`
	Name  string `yaml:"case"`
	// Series in promtool's notation, by name and labels.
	Series map[string]string `yaml:"series"`
	// At is when it is looked at; where nothing fires, each minute from From on.
	From model.Duration `yaml:"from"`
	At   model.Duration `yaml:"at"`
	// Fires has the labels of each alert that fires then, without alertname.
	Fires []map[string]string `yaml:"fires"`
}

// outcome says what was wrong with a case; nothing when it went as it should.
type outcome struct {
	Alert string `json:"alert"`
	Case  string `json:"case"`
	Fired int    `json:"fired"`
	Wrong string `json:"wrong,omitempty"`
}

func readRules(file string) (map[string]rulefmt.Rule, error) {
	groups, errs := rulefmt.ParseFile(file, false, model.LegacyValidation, syntax, slog.New(slog.DiscardHandler))
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	alerts := map[string]rulefmt.Rule{}
	for _, group := range groups.Groups {
		for _, rule := range group.Rules {
			if _, twice := alerts[rule.Alert]; twice {
				return nil, fmt.Errorf("%s: alert %s is there twice", file, rule.Alert)
			}
			alerts[rule.Alert] = rule
		}
	}
	return alerts, nil
}

func runCases(ctx context.Context, rulesFile, casesFile string) ([]outcome, error) {
	alerts, err := readRules(rulesFile)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(casesFile)
	if err != nil {
		return nil, err
	}
	var cases []aCase
	if err := yaml.Unmarshal(text, &cases); err != nil {
		return nil, fmt.Errorf("%s: %w", casesFile, err)
	}
	var outcomes []outcome
	for _, next := range cases {
		rule, known := alerts[next.Alert]
		if !known {
			return nil, fmt.Errorf("%s: there is no alert %q", casesFile, next.Alert)
		}
		fired, err := firing(ctx, rule, next)
		if err != nil {
			return nil, fmt.Errorf("%s, %s: %w", next.Alert, next.Name, err)
		}
		outcomes = append(outcomes, outcome{next.Alert, next.Name, len(fired), compare(fired, next.Fires)})
	}
	return outcomes, nil
}

// firing evaluates the rule from the start of the case on, as `for` wants it, and gives the labels of what fires at its end,
// or, where nothing should, at the first minute that something does.
func firing(ctx context.Context, rule rulefmt.Rule, in aCase) ([]map[string]string, error) {
	if rule.KeepFiringFor != 0 {
		return nil, errors.New("keep_firing_for is not looked at here")
	}
	series := newMemory()
	for name, values := range in.Series {
		if err := series.describe(name, values, step.Milliseconds()); err != nil {
			return nil, err
		}
	}
	engine := newEngine()
	query := func(ctx context.Context, text string, at time.Time) (promql.Vector, error) {
		return instant(ctx, engine, series, text, at)
	}
	since := map[string]time.Time{}
	var fired []map[string]string
	start := time.UnixMilli(0)
	end := start.Add(time.Duration(in.At))
	for at := start; !at.After(end); at = at.Add(step) {
		vector, err := query(ctx, rule.Expr, at)
		if err != nil {
			return nil, err
		}
		fired = nil
		active := map[string]time.Time{}
		for _, found := range vector {
			alert, err := write(ctx, rule, found, at, query)
			if err != nil {
				return nil, err
			}
			key := labels.FromMap(alert).String()
			if _, twice := active[key]; twice {
				return nil, fmt.Errorf("two series give the same labels %s", key)
			}
			active[key] = at
			if before, was := since[key]; was {
				active[key] = before
			}
			if at.Sub(active[key]) >= time.Duration(rule.For) {
				fired = append(fired, alert)
			}
		}
		since = active
		if len(in.Fires) == 0 && len(fired) > 0 && at.Sub(start) >= time.Duration(in.From) {
			return fired, nil
		}
	}
	return fired, nil
}

// write gives the labels of an alert, and looks whether all of its texts can be written.
func write(ctx context.Context, rule rulefmt.Rule, found promql.Sample, at time.Time, query template.QueryFunc) (map[string]string, error) {
	data := template.AlertTemplateData(found.Metric.Map(), nil, "", found)
	expand := func(text string) (string, error) {
		const known = "{{$labels := .Labels}}{{$value := .Value}}"
		stamp := model.Time(at.UnixMilli())
		options := []string{"missingkey=error"}
		return template.NewTemplateExpander(ctx, known+text, rule.Alert, data, stamp, query, nil, options).Expand()
	}
	for name, text := range rule.Annotations {
		if written, err := expand(text); err != nil || written == "" {
			return nil, fmt.Errorf("annotation %s gives %q: %w", name, written, err)
		}
	}
	has := found.Metric.Map()
	delete(has, labels.MetricName)
	for name, text := range rule.Labels {
		written, err := expand(text)
		if err != nil {
			return nil, fmt.Errorf("label %s: %w", name, err)
		}
		has[name] = written
	}
	return has, nil
}

func compare(fired, wanted []map[string]string) string {
	contains := func(all []map[string]string, one map[string]string) bool {
		return slices.ContainsFunc(all, func(other map[string]string) bool { return maps.Equal(one, other) })
	}
	for _, one := range fired {
		if !contains(wanted, one) {
			return fmt.Sprintf("fires with %v, which the case does not have", one)
		}
	}
	for _, one := range wanted {
		if !contains(fired, one) {
			return fmt.Sprintf("does not fire with %v; what fires: %v", one, fired)
		}
	}
	return ""
}
