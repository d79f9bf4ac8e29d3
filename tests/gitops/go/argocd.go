package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/argoproj/argo-cd/gitops-engine/pkg/diff"
	"github.com/argoproj/argo-cd/gitops-engine/pkg/sync"
	synccommon "github.com/argoproj/argo-cd/gitops-engine/pkg/sync/common"
	"github.com/argoproj/argo-cd/gitops-engine/pkg/utils/kube"
	"github.com/argoproj/argo-cd/gitops-engine/pkg/utils/tracing"
	"github.com/argoproj/argo-cd/v3/common"
	"github.com/argoproj/argo-cd/v3/pkg/apis/application/v1alpha1"
	"github.com/argoproj/argo-cd/v3/util/argo"
	argodiff "github.com/argoproj/argo-cd/v3/util/argo/diff"
	"github.com/argoproj/argo-cd/v3/util/argo/normalizers"
	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
)

// argocd is one self-heal of an Argo CD Application with automated sync.
type argocd struct {
	// serverSide is the sync option ServerSideApply=true with the compare option ServerSideDiff=true.
	serverSide bool
	// ignoreManager is an entry of `ignoreDifferences[].managedFieldsManagers`, with RespectIgnoreDifferences=true.
	ignoreManager string
}

// sync compares as appStateManager.CompareAppState does, and applies as SyncAppState does when there is a difference
// (argoproj/argo-cd, controller/state.go and controller/sync.go).
func (a argocd) sync(ctx context.Context, at cluster, manifest string) (*difference, error) {
	target, err := at.read(manifest)
	if err != nil {
		return nil, err
	}
	// As the repo server marks all that it renders; tracking by annotation is the default since Argo CD 3.0.
	err = argo.NewResourceTracking().SetAppInstance(
		target, common.LabelKeyAppInstance, deployment, at.namespace, v1alpha1.TrackingMethodAnnotation, "")
	if err != nil {
		return nil, err
	}
	config, err := at.config()
	if err != nil {
		return nil, err
	}
	kubectl := &kube.KubectlCmd{Log: logr.Discard(), Tracer: tracing.NopTracer{}}
	live, err := kubectl.GetResource(ctx, config, target.GroupVersionKind(), target.GetName(), at.namespace)
	if apierrors.IsNotFound(err) {
		live = nil
	} else if err != nil {
		return nil, err
	}
	settings, cleanup, err := a.diffSettings(kubectl, config)
	if err != nil {
		return nil, err
	}
	defer cleanup()
	result, err := argodiff.StateDiff(live, target, settings)
	if err != nil {
		return nil, err
	}
	if !result.Modified {
		return &difference{}, nil
	}
	found, err := describe(result)
	if err != nil {
		return nil, err
	}
	if a.ignoreManager != "" && live != nil {
		if target, err = respectIgnoreDifferences(live, target, settings); err != nil {
			return found, err
		}
	}
	return found, a.apply(config, kubectl, live, target)
}

// diffSettings are those of an Application, from its options.
func (a argocd) diffSettings(kubectl *kube.KubectlCmd, config *rest.Config) (argodiff.DiffConfig, func(), error) {
	_, parser, err := kubectl.LoadOpenAPISchema(config)
	if err != nil {
		return nil, nil, err
	}
	dryRuns, cleanup, err := kubectl.ManageServerSideDiffDryRuns(config)
	if err != nil {
		return nil, nil, err
	}
	var ignore []v1alpha1.ResourceIgnoreDifferences
	if a.ignoreManager != "" {
		ignore = append(ignore, v1alpha1.ResourceIgnoreDifferences{
			Group: "apps", Kind: "Deployment", ManagedFieldsManagers: []string{a.ignoreManager},
		})
	}
	settings, err := argodiff.NewDiffConfigBuilder().
		WithDiffSettings(ignore, nil, false, normalizers.IgnoreNormalizerOpts{}).
		WithTracking(common.LabelKeyAppInstance, string(v1alpha1.TrackingMethodAnnotation)).
		WithNoCache().
		WithGVKParser(parser).
		WithManager(common.ArgoCDSSAManager).
		WithServerSideDiff(a.serverSide).
		WithServerSideDryRunner(diff.NewK8sServerSideDryRunner(dryRuns)).
		WithStructuredMergeDiff(a.serverSide).
		WithLogger(logr.Discard()).
		Build()
	return settings, cleanup, err
}

// apply runs a sync operation with the options of SyncAppState.
func (a argocd) apply(config *rest.Config, kubectl *kube.KubectlCmd, live, target *unstructured.Unstructured) error {
	operation, cleanup, err := sync.NewSyncContext(
		"revision",
		sync.ReconciliationResult{
			Live:   []*unstructured.Unstructured{live},
			Target: []*unstructured.Unstructured{target},
		},
		config, config, kubectl, target.GetNamespace(),
		sync.WithLogr(logr.Discard()),
		sync.WithOperationSettings(false, false, false, false),
		sync.WithManifestValidation(true),
		sync.WithServerSideApply(a.serverSide),
		sync.WithServerSideApplyManager(common.ArgoCDSSAManager),
		sync.WithClientSideApplyMigration(true, synccommon.DefaultClientSideApplyMigrationManager),
	)
	if err != nil {
		return err
	}
	defer cleanup()
	// One call does it: there is one wave, and no hook to wait for.
	operation.Sync()
	phase, message, resources := operation.GetState()
	if phase == synccommon.OperationSucceeded {
		return nil
	}
	words := []string{message}
	for _, resource := range resources {
		words = append(words, resource.Message)
	}
	return fmt.Errorf("%s: %s", phase, strings.Join(words, ": "))
}

// describe gives the paths of a difference that Argo CD found.
func describe(result diff.DiffResult) (*difference, error) {
	var live, predicted map[string]any
	if err := json.Unmarshal(result.NormalizedLive, &live); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(result.PredictedLive, &predicted); err != nil {
		return nil, err
	}
	found := &difference{paths: differences(live, predicted)}
	if len(found.paths) == 0 {
		return nil, fmt.Errorf("the object is OutOfSync outside its spec, labels and annotations")
	}
	return found, nil
}
