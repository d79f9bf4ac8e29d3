{{/* What the admission policies of this release are called; their names may hold no colon. */}}
{{- define "logto-hasura.policyName" -}}
{{- printf "%s.%s" .Release.Namespace (include "logto-hasura.name" .) -}}
{{- end -}}

{{/* CEL: two maps are the same but for the keys of a list. Whole maps are compared, so fields that a later Kubernetes brings
are too. */}}
{{- define "logto-hasura.sameBut" -}}
{{- $but := printf "['%s']" (join "', '" .but) -}}
{{ .new }}.all(key, key in {{ $but }} || (key in {{ .old }} && {{ .new }}[key] == {{ .old }}[key])) &&
{{ .old }}.all(key, key in {{ $but }} || key in {{ .new }})
{{- end -}}

{{/* What puts a policy in force. `everywhere` false keeps it to the namespace that the release watches. */}}
{{- define "logto-hasura.policyBinding" -}}
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: {{ .name }}
  labels:
    {{- include "logto-hasura.labels" .root | nindent 4 }}
spec:
  policyName: {{ .name }}
  validationActions: [Deny]
  {{- if and (not .everywhere) .root.Values.watchNamespaces }}
  matchResources:
    namespaceSelector:
      matchExpressions:
        - key: kubernetes.io/metadata.name
          operator: In
          values: {{ toJson .root.Values.watchNamespaces }}
  {{- end }}
{{- end -}}

{{/* The condition that keeps a policy to the operator. */}}
{{- define "logto-hasura.isTheOperator" -}}
name: is-the-operator
expression: request.userInfo.username == 'system:serviceaccount:{{ .Release.Namespace }}:{{ include "logto-hasura.serviceAccountName" . }}'
{{- end -}}

{{/* CEL: the keys that settings may stand under, besides those of their own names. */}}
{{- define "logto-hasura.deliveredKeys" -}}
[{{ range $place, $key := .Values.delivery.keys }}{{ if $place }}, {{ end }}'{{ $key }}'{{ end }}]
{{- end -}}

{{/* CEL: the settings of Hasura that the operator writes. */}}
{{- define "logto-hasura.variables" -}}
['HASURA_GRAPHQL_JWT_SECRET', 'HASURA_GRAPHQL_UNAUTHORIZED_ROLE', 'HASURA_GRAPHQL_AUTH_HOOK',
'HASURA_GRAPHQL_AUTH_HOOK_MODE']
{{- end -}}
