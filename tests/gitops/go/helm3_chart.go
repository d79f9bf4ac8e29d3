package main

import (
	"context"
	"errors"

	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
)

// kubeVersion is the version that Helm 3 renders for without a cluster. Its own build sets it to that of its client-go; without
// that it would be 1.20.
var kubeVersion = chartutil.KubeVersion{Version: "v1.36.0", Major: "1", Minor: "36"}

// rendered is a chart's objects, as YAML.
type rendered struct {
	Text string `json:"text"`
}

// renderByHelm3 is `helm lint --strict` and then `helm template` of Helm 3, without a cluster.
func renderByHelm3(ctx context.Context, folder, namespace, valuesFile string) (*rendered, error) {
	forLint, err := chartutil.ReadValuesFile(valuesFile)
	if err != nil {
		return nil, err
	}
	lint := action.NewLint()
	lint.Strict = true
	lint.Namespace = namespace
	lint.KubeVersion = &kubeVersion
	if result := lint.Run([]string{folder}, forLint); len(result.Errors) > 0 {
		return nil, errors.Join(result.Errors...)
	}
	// Lint takes what is null out of them, which is what takes a default away.
	values, err := chartutil.ReadValuesFile(valuesFile)
	if err != nil {
		return nil, err
	}
	chart, err := loader.Load(folder)
	if err != nil {
		return nil, err
	}
	install := action.NewInstall(&action.Configuration{})
	install.ReleaseName = chart.Name()
	install.Namespace = namespace
	install.KubeVersion = &kubeVersion
	install.DryRun = true
	install.ClientOnly = true
	release, err := install.RunWithContext(ctx, chart, values)
	if err != nil {
		return nil, err
	}
	return &rendered{Text: release.Manifest}, nil
}
