package emit

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"text/template"
)

// TemplateOptions are the options of templates.
type TemplateOptions struct {
	Colors     *Colors    // nil: those of the default palette
	Timestamps Timestamps // the form of .Timestamp, which templates always have
	Color      bool       // the colour functions have an effect
	Visible    bool       // escape what could steer a terminal, except line breaks and, with Color, colours
}

// Template is a compiled text/template over records. Many goroutines may use it at once.
type Template struct {
	t *template.Template
	o TemplateOptions
}

// ParseTemplate compiles a template. Its functions and the fields of its data have stern's names and meanings. The error begins
// with name and the line. A field that the data does not have is an error, too.
func ParseTemplate(name, text string, o TemplateOptions) (*Template, error) {
	t, err := template.New(name).Funcs(newTemplateFuncs(o.Color).all()).Parse(text)
	if err != nil {
		return nil, errors.New(strings.TrimPrefix(err.Error(), "template: "))
	}
	if t.Tree != nil { // else the template is empty, except for templates that it defines
		if err := (fieldCheck{t.Tree, reflect.TypeFor[templateData]()}).list(t.Root, true); err != nil {
			return nil, err
		}
	}
	if o.Colors == nil {
		o.Colors = NewColors(Palette{})
	}
	return &Template{t, o}, nil
}

// templateData is what a template sees of a record, and its JSON.
type templateData struct {
	Message       string            `json:"message"`
	Timestamp     string            `json:"timestamp"`
	Cluster       string            `json:"cluster"`
	Context       string            `json:"context"`
	NodeName      string            `json:"nodeName"`
	Namespace     string            `json:"namespace"`
	PodName       string            `json:"podName"`
	UID           string            `json:"uid"`
	ContainerName string            `json:"containerName"`
	Image         string            `json:"image"`
	Restarts      int               `json:"restarts"`
	Labels        map[string]string `json:"labels"`
	Annotations   map[string]string `json:"annotations"`

	PodColor       paint `json:"-"`
	ContainerColor paint `json:"-"`
}

// Format returns the format of the template's output for each record. Output that does not end with a newline gets one, unlike
// with stern, so that records are whole lines. Empty output writes nothing. An error on a record is given to onError, which many
// goroutines may call at once; then "[ERROR] LINE" is written in place of the template's output, and if onError returns over, nothing for
// later records of the source. A template writes nothing for a gap.
func (t *Template) Format(onError func(src Source, r *Record, err error) (over bool)) Format {
	return func(src Source) Encode {
		pod, container := t.o.Colors.ofPod(src)
		data := &templateData{
			Cluster: src.Cluster, Context: src.Context, NodeName: src.Node, Namespace: src.Namespace,
			PodName: src.Pod, UID: src.UID, ContainerName: src.Container, Image: src.Image,
			Labels: src.Labels, Annotations: src.Annotations, PodColor: paint(pod), ContainerColor: paint(container),
		}
		var stamp []byte
		over := false
		return func(dst []byte, r *Record) []byte {
			if r.Gap != nil || over {
				return dst
			}
			stamp = t.o.Timestamps.appendTime(stamp[:0], r.Stamp)
			line := r.Line
			if t.o.Visible {
				line = bytes.TrimSuffix(line, []byte{'\r'})
			}
			data.Message, data.Timestamp, data.Restarts = string(line), string(stamp), r.Restarts
			if r.Truncated {
				data.Message += "…"
			}
			w := &bounded{buf: dst, limit: len(dst) + MaxOutput}
			if t.o.Visible {
				w.buf = nil
			}
			start := len(w.buf)
			if err := t.t.Execute(w, data); err != nil {
				err = errors.New(strings.TrimPrefix(err.Error(), "template: "+t.t.Name()+":"))
				over = onError(src, r, err)
				w.buf = appendFailure(w.buf[:start], err, data.Message)
			}
			out := w.buf
			if t.o.Visible {
				out = dst
				for text := range bytes.Lines(w.buf) {
					out = appendVisible(out, bytes.TrimSuffix(text, []byte{'\n'}), t.o.Color)
					out = append(out, '\n')
				}
			}
			if len(out) > len(dst) && out[len(out)-1] != '\n' {
				out = append(out, '\n')
			}
			return out
		}
	}
}

// appendFailure appends what stands for the output of a template that failed on a message.
func appendFailure(dst []byte, err error, message string) []byte {
	text := strings.ReplaceAll(err.Error(), "\n", " ")
	if len(text) > maxFailure {
		text = strings.ToValidUTF8(text[:maxFailure], "") + "…"
	}
	return append(append(append(append(dst, '['), text...), "] "...), message...)
}

// maxFailure is how much of an error stands in the output, in bytes: errors may have the whole line in them.
const maxFailure = 500

// MaxOutput is how much a template or a jq program may write for one record, in bytes.
const MaxOutput = 64 << 20

// bounded takes the output of a template, up to a length.
type bounded struct {
	buf   []byte
	limit int
}

func (b *bounded) Write(p []byte) (int, error) {
	if len(b.buf)+len(p) > b.limit {
		return 0, fmt.Errorf("more than %d MiB of output from one record", MaxOutput>>20)
	}
	b.buf = append(b.buf, p...)
	return len(p), nil
}
