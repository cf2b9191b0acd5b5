{{- define "pulsegate.labels" -}}
app.kubernetes.io/name: pulsegate
{{- end }}

{{/* The gateway's container, a sidecar or alone. */}}
{{- define "pulsegate.container" -}}
name: pulsegate
image: "{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"
imagePullPolicy: {{ .Values.image.pullPolicy }}
command: ["pulsegate", "serve", "--config", "/etc/pulsegate/pulsegate.conf"]
env:
  {{- toYaml .Values.env | nindent 2 }}
ports:
  - name: ws
    containerPort: {{ .Values.ports.ws }}
  - name: health
    containerPort: {{ .Values.ports.health }}
lifecycle:
  {{- toYaml .Values.lifecycle | nindent 2 }}
startupProbe:
  {{- toYaml .Values.startupProbe | nindent 2 }}
livenessProbe:
  {{- toYaml .Values.livenessProbe | nindent 2 }}
readinessProbe:
  {{- toYaml .Values.readinessProbe | nindent 2 }}
resources:
  {{- toYaml .Values.resources | nindent 2 }}
securityContext:
  {{- toYaml .Values.securityContext | nindent 2 }}
volumeMounts:
  - name: config
    mountPath: /etc/pulsegate
    readOnly: true
  - name: secrets
    mountPath: /run/secrets/pulsegate
    readOnly: true
{{- end }}
