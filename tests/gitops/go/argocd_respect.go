package main

import (
	"encoding/json"

	argodiff "github.com/argoproj/argo-cd/v3/util/argo/diff"
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
)

// respectIgnoreDifferences gives the target with the live values of all ignored fields: RespectIgnoreDifferences=true.
// Argo CD's own function is normalizeTargetResources in controller/sync.go, which no other program can call; this is the
// same for a Deployment: what its normalizer takes from the live object is put into the normalized target.
func respectIgnoreDifferences(live, target *unstructured.Unstructured, settings argodiff.DiffConfig) (*unstructured.Unstructured, error) {
	normalized, err := argodiff.Normalize(
		[]*unstructured.Unstructured{live}, []*unstructured.Unstructured{target}, settings)
	if err != nil {
		return nil, err
	}
	// `status` belongs to the object's own controller, so Argo CD leaves it out of the copy.
	kept, stripped := live.DeepCopy(), normalized.Lives[0].DeepCopy()
	unstructured.RemoveNestedField(kept.Object, "status")
	unstructured.RemoveNestedField(stripped.Object, "status")
	keptText, err := json.Marshal(kept)
	if err != nil {
		return nil, err
	}
	strippedText, err := json.Marshal(stripped)
	if err != nil {
		return nil, err
	}
	ignored, err := strategicpatch.CreateTwoWayMergePatch(strippedText, keptText, appsv1.Deployment{})
	if err != nil {
		return nil, err
	}
	targetText, err := json.Marshal(normalized.Targets[0])
	if err != nil {
		return nil, err
	}
	patched, err := strategicpatch.StrategicMergePatch(targetText, ignored, appsv1.Deployment{})
	if err != nil {
		return nil, err
	}
	result := &unstructured.Unstructured{}
	return result, result.UnmarshalJSON(patched)
}
