{{/* The labels of everything. */}}
{{- define "promptswitch.labels" -}}
app.kubernetes.io/name: promptswitch
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "promptswitch.image" -}}
{{ .Values.image.repository }}{{ if .Values.image.digest }}@{{ .Values.image.digest }}{{ else }}:{{ .Values.image.tag }}{{ end }}
{{- end }}

{{- define "promptswitch.companion" -}}
{{ .Release.Name }}-companion
{{- end }}

{{- define "promptswitch.companion.host" -}}
{{ include "promptswitch.companion" . }}.{{ .Release.Namespace }}.svc.cluster.local
{{- end }}

{{/* The policy, with the companion if there is one. Envoy knows that by a cluster, whose name differs by platform. */}}
{{- define "promptswitch.policy" -}}
{{- $policy := deepCopy .Values.policy }}
{{- if .Values.companion.enabled }}
{{- $cluster := include "promptswitch.companion" . }}
{{- if eq .Values.platform "istio" }}{{ $cluster = printf "outbound|8090||%s" (include "promptswitch.companion.host" .) }}{{ end }}
{{- $offload := dict "cluster" $cluster "authority" (include "promptswitch.companion" .) "timeout" .Values.companion.timeout "below_confidence" .Values.companion.belowConfidence "max_in_flight" .Values.companion.maxInFlight }}
{{- $_ := set $policy "promptswitch" (mergeOverwrite (default dict $policy.promptswitch) (dict "offload" $offload)) }}
{{- end }}
{{- toYaml $policy }}
{{- end }}

{{/* The filter's settings; where its code is differs by platform. */}}
{{- define "promptswitch.plugin" -}}
name: promptswitch
root_id: promptswitch
failure_policy: FAIL_RELOAD
allow_on_headers_stop_iteration: true
configuration:
  "@type": type.googleapis.com/google.protobuf.Struct
  value:
    {{- include "promptswitch.policy" . | nindent 4 }}
{{- end }}
