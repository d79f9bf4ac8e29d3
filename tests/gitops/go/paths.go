package main

import (
	"fmt"
	"reflect"
	"slices"
)

// differences are the paths at which two versions of an object differ. Only what the tools compare counts: the spec, the
// labels and the annotations.
func differences(one, other map[string]any) []string {
	var paths []string
	compare("spec", one["spec"], other["spec"], &paths)
	for _, field := range []string{"labels", "annotations"} {
		compare("metadata."+field, metadata(one)[field], metadata(other)[field], &paths)
	}
	slices.Sort(paths)
	return paths
}

func metadata(object map[string]any) map[string]any {
	found, _ := object["metadata"].(map[string]any)
	return found
}

func compare(path string, one, other any, paths *[]string) {
	if reflect.DeepEqual(one, other) {
		return
	}
	left, right := children(one), children(other)
	if left == nil || right == nil {
		*paths = append(*paths, path)
		return
	}
	for key := range left {
		compare(path+key, left[key], right[key], paths)
	}
	for key := range right {
		if _, known := left[key]; !known {
			compare(path+key, nil, right[key], paths)
		}
	}
}

// children are the parts of a map or a list, by how they are written in a path; nil for a scalar. Containers and env
// entries are told apart by their names, as the API server does.
func children(value any) map[string]any {
	parts := map[string]any{}
	switch value := value.(type) {
	case map[string]any:
		for key, part := range value {
			parts["."+key] = part
		}
	case []any:
		for index, part := range value {
			key := fmt.Sprintf("[%d]", index)
			if fields, ok := part.(map[string]any); ok && fields["name"] != nil {
				key = fmt.Sprintf("[%v]", fields["name"])
			}
			parts[key] = part
		}
	default:
		return nil
	}
	return parts
}
