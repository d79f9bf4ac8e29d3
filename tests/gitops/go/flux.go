package main

import (
	"context"

	"github.com/fluxcd/pkg/ssa"
	"github.com/fluxcd/pkg/ssa/jsondiff"
	"github.com/fluxcd/pkg/ssa/normalize"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	// fluxController is kustomize-controller's name, and so its field manager.
	fluxController = "kustomize-controller"
	fluxGroup      = "kustomize.toolkit.fluxcd.io"
)

// flux is one reconciliation of a Flux Kustomization.
type flux struct {
	// ignorePath is a JSON pointer for the Kustomization's `spec.ignore`, which Flux has since 2.9.
	ignorePath string
}

// sync applies as KustomizationReconciler.apply does (fluxcd/kustomize-controller,
// internal/controller/kustomization_controller.go). Drift is what the library's own Diff says.
func (f flux) sync(ctx context.Context, at cluster, manifest string) (*difference, error) {
	object, err := at.read(manifest)
	if err != nil {
		return nil, err
	}
	config, err := at.config()
	if err != nil {
		return nil, err
	}
	api, err := client.New(config, client.Options{})
	if err != nil {
		return nil, err
	}
	manager := ssa.NewResourceManager(api, nil, ssa.Owner{Field: fluxController, Group: fluxGroup})
	objects := []*unstructured.Unstructured{object}
	manager.SetOwnerLabels(objects, deployment, at.namespace)
	if err := normalize.UnstructuredList(objects); err != nil {
		return nil, err
	}
	options := f.applyOptions()
	_, live, merged, err := manager.Diff(ctx, object.DeepCopy(), ssa.DiffOptions{DriftIgnoreRules: options.DriftIgnoreRules})
	if err != nil {
		return nil, err
	}
	found := &difference{}
	if live != nil {
		found.paths = differences(live.Object, merged.Object)
	}
	_, err = manager.ApplyAllStaged(ctx, objects, options)
	return found, err
}

// applyOptions are those of a Kustomization with default settings: what people did with kubectl is undone.
func (f flux) applyOptions() ssa.ApplyOptions {
	options := ssa.DefaultApplyOptions()
	options.Cleanup = ssa.ApplyCleanupOptions{
		Annotations: []string{corev1.LastAppliedConfigAnnotation},
		FieldManagers: []ssa.FieldManager{
			{Name: "kubectl", OperationType: metav1.ManagedFieldsOperationApply},
			{Name: "kubectl", OperationType: metav1.ManagedFieldsOperationUpdate},
			{Name: "before-first-apply", OperationType: metav1.ManagedFieldsOperationUpdate},
			{Name: fluxController, OperationType: metav1.ManagedFieldsOperationUpdate},
		},
		Exclusions: map[string]string{fluxGroup + "/ssa": "Merge"},
	}
	if f.ignorePath != "" {
		options.DriftIgnoreRules = []jsondiff.IgnoreRule{{Paths: []string{f.ignorePath}}}
	}
	return options
}
