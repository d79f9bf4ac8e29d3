package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"sort"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"
)

// memory holds a few series; a database would be most of Prometheus.
type memory struct {
	series map[string]*entry
}

type entry struct {
	labels  labels.Labels
	samples []chunks.Sample
}

func newMemory() *memory {
	return &memory{series: map[string]*entry{}}
}

func (m *memory) add(lset labels.Labels, at int64, number float64) {
	key := lset.String()
	if m.series[key] == nil {
		m.series[key] = &entry{labels: lset}
	}
	m.series[key].samples = append(m.series[key].samples, sample{at, number})
}

// describe adds a series in promtool's notation, such as `up{job="a"}` and `0+1x5 _ stale`.
func (m *memory) describe(name, values string, step int64) error {
	lset, sequence, err := syntax.ParseSeriesDesc(name + " " + values)
	if err != nil {
		return fmt.Errorf("series %s: %w", name, err)
	}
	for place, next := range sequence {
		if !next.Omitted {
			m.add(lset, int64(place)*step, next.Value)
		}
	}
	return nil
}

// scrape adds what a target shows, with the labels that Prometheus gives to all of it, and ends the series that were there
// before and are no longer.
func (m *memory) scrape(text []byte, target map[string]string, at int64) error {
	before := map[string]*entry{}
	for key, series := range m.series {
		before[key] = series
	}
	parse := textparse.NewOpenMetricsParser(text, labels.NewSymbolTable())
	for {
		kind, err := parse.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if kind != textparse.EntrySeries {
			continue
		}
		var lset labels.Labels
		parse.Labels(&lset)
		_, _, number := parse.Series()
		whole := labels.NewBuilder(lset)
		for name, text := range target {
			if lset.Has(name) {
				return fmt.Errorf("%s has a label %s, which Prometheus would rename", lset, name)
			}
			whole.Set(name, text)
		}
		lset = whole.Labels()
		delete(before, lset.String())
		m.add(lset, at, number)
	}
	for _, gone := range before {
		m.add(gone.labels, at, math.Float64frombits(value.StaleNaN))
	}
	return nil
}

func (m *memory) Querier(from, to int64) (storage.Querier, error) {
	return &view{m, from, to}, nil
}

// view is the memory between two times.
type view struct {
	memory   *memory
	from, to int64
}

func (v *view) Select(_ context.Context, _ bool, _ *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	var found []storage.Series
	for _, series := range v.memory.series {
		if !matches(series.labels, matchers) {
			continue
		}
		var within []chunks.Sample
		for _, sample := range series.samples {
			if v.from <= sample.T() && sample.T() <= v.to {
				within = append(within, sample)
			}
		}
		if len(within) > 0 {
			found = append(found, storage.NewListSeries(series.labels, within))
		}
	}
	sort.Slice(found, func(a, b int) bool {
		return labels.Compare(found[a].Labels(), found[b].Labels()) < 0
	})
	return &list{series: found, at: -1}
}

func matches(lset labels.Labels, matchers []*labels.Matcher) bool {
	for _, matcher := range matchers {
		if !matcher.Matches(lset.Get(matcher.Name)) {
			return false
		}
	}
	return true
}

func (*view) LabelValues(context.Context, string, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, errors.New("queries do not ask for the values of a label")
}

func (*view) LabelNames(context.Context, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, errors.New("queries do not ask for the names of labels")
}

func (*view) Close() error { return nil }

// list gives one series after another.
type list struct {
	series []storage.Series
	at     int
}

func (l *list) Next() bool {
	l.at++
	return l.at < len(l.series)
}

func (l *list) At() storage.Series              { return l.series[l.at] }
func (*list) Err() error                        { return nil }
func (*list) Warnings() annotations.Annotations { return nil }

// sample is a number at a time, in milliseconds.
type sample struct {
	at     int64
	number float64
}

func (s sample) T() int64                    { return s.at }
func (sample) ST() int64                     { return 0 }
func (s sample) F() float64                  { return s.number }
func (sample) H() *histogram.Histogram       { return nil }
func (sample) FH() *histogram.FloatHistogram { return nil }
func (sample) Type() chunkenc.ValueType      { return chunkenc.ValFloat }
func (s sample) Copy() chunks.Sample         { return s }
