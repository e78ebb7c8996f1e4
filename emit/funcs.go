package emit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"text/template"
	"time"
)

// templateFuncs are the functions of templates. Their names and meanings are stern's, so that stern's templates run unchanged.
type templateFuncs struct {
	color bool
	zones *sync.Map // of *time.Location by name: loading one reads a file
}

func newTemplateFuncs(color bool) templateFuncs { return templateFuncs{color, new(sync.Map)} }

func (f templateFuncs) all() template.FuncMap {
	all := template.FuncMap{
		"json":                func(v any) (string, error) { b, err := json.Marshal(v); return string(b), err },
		"parseJSON":           parseObject,
		"tryParseJSON":        tryParseObject,
		"extractJSONParts":    extractParts,
		"tryExtractJSONParts": tryExtractParts,
		"prettyJSON":          prettyJSON,
		"extjson":             func(v any) (string, error) { return extJSON(v, "") },
		"ppextjson":           func(v any) (string, error) { return extJSON(v, "  ") },
		"toRFC3339Nano":       func(v any) string { t, _ := timeOf(v); return t.Format(time.RFC3339Nano) },
		"toUTC":               func(v any) time.Time { t, _ := timeOf(v); return t.UTC() },
		"toTimestamp":         f.toTimestamp,
		"color":               func(p paint, text string) string { return p.on(text, f.color) },
		"colorCustom":         f.custom,
		"levelColor":          f.level,
		"bunyanLevelColor":    f.bunyanLevel,
	}
	for i, name := range []string{"Black", "Red", "Green", "Yellow", "Blue", "Magenta", "Cyan", "White"} {
		p := paint(strconv.Itoa(30 + i))
		all["color"+name] = func(text string, args ...any) string { // with arguments, text is a format
			if len(args) > 0 {
				text = fmt.Sprintf(text, args...)
			}
			return p.on(text, f.color)
		}
	}
	return all
}

// paint is the parameters of a colour sequence.
type paint string

const (
	red     paint = "31"
	yellow  paint = "33"
	blue    paint = "34"
	magenta paint = "35"
	cyan    paint = "36"
)

func (p paint) on(text string, color bool) string {
	if !color || p == "" {
		return text
	}
	if strings.IndexByte(text, escape) >= 0 {
		return nest(p, text)
	}
	return "\x1b[" + string(p) + "m" + text + colorReset
}

func (f templateFuncs) custom(text string, attributes ...int) string {
	if !f.color {
		return text
	}
	var p, end []string
	for _, a := range attributes {
		p, end = append(p, strconv.Itoa(a)), append(end, strconv.Itoa(endOf[a]))
	}
	return "\x1b[" + strings.Join(p, ";") + "m" + text + "\x1b[" + strings.Join(end, ";") + "m"
}

// endOf has the SGR attributes that end others: bold and faint have one in common. 0 ends all, and colours.
var endOf = map[int]int{1: 22, 2: 22, 3: 23, 4: 24, 5: 25, 6: 25, 7: 27, 8: 28, 9: 29}

func (f templateFuncs) level(v any) string {
	level, _ := v.(string)
	return levelPaint(plainText(level)).on(level, f.color)
}

// levelPaint returns the colour of a level by its name; none for an unknown level.
func levelPaint(level string) paint {
	switch strings.ToLower(level) {
	case "debug":
		return magenta
	case "info":
		return blue
	case "warn", "warning":
		return yellow
	case "error", "dpanic", "panic":
		return red
	case "fatal", "critical":
		return cyan
	}
	return ""
}

func (f templateFuncs) bunyanLevel(v any) string {
	var level int64
	switch n := v.(type) {
	case json.Number:
		var err error
		if level, err = n.Int64(); err != nil {
			return ""
		}
	case float64:
		level = int64(n)
	default:
		return ""
	}
	p := paint("")
	switch {
	case level < 30:
		p = magenta
	case level < 40:
		p = blue
	case level < 50:
		p = yellow
	case level < 60:
		p = red
	case level < 100:
		p = cyan
	}
	return p.on(strconv.FormatInt(level, 10), f.color)
}

// marshal returns the JSON of v, with `<`, `>` and `&` as they are.
func marshal(v any, indent string) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	err := e.Encode(v)
	return strings.TrimSuffix(b.String(), "\n"), err
}

func parseObject(text string) (map[string]any, error) {
	object := make(map[string]any)
	err := json.Unmarshal([]byte(plainText(text)), &object)
	return object, err
}

// tryParseObject returns nil for text that is not an object. Numbers keep their digits.
func tryParseObject(text string) map[string]any {
	var object map[string]any
	d := json.NewDecoder(strings.NewReader(plainText(text)))
	d.UseNumber()
	if d.Decode(&object) != nil {
		return nil
	}
	return object
}

func extractParts(text string, keys ...string) (string, error) {
	object, err := parseObject(text)
	if err != nil {
		return "", err
	}
	parts := make([]string, len(keys))
	for i, key := range keys {
		parts[i] = fmt.Sprint(partOf(object, key))
	}
	return strings.Join(parts, ", "), nil
}

func tryExtractParts(text string, keys ...string) string {
	parts, err := extractParts(text, keys...)
	if err != nil {
		return text
	}
	return parts
}

// partOf returns the value of a key, or of a path of keys with dots; nil if there is none.
func partOf(object map[string]any, path string) any {
	if v, ok := object[path]; ok {
		return v
	}
	var v any = object
	for key := range strings.SplitSeq(path, ".") {
		inner, _ := v.(map[string]any)
		v = inner[key]
	}
	return v
}

// prettyJSON indents an object, or the text of one. Other text stays as it is.
func prettyJSON(v any) string {
	switch v := v.(type) {
	case string:
		var b bytes.Buffer
		if text := plainText(v); strings.HasPrefix(strings.TrimSpace(text), "{") && json.Indent(&b, []byte(text), "", "  ") == nil {
			return b.String()
		}
		return v
	case map[string]any:
		if b, err := json.MarshalIndent(v, "", "  "); err == nil {
			return string(b)
		}
	}
	return fmt.Sprint(v)
}

// extJSON returns the JSON of a record or of a message alone. A message that is JSON is not quoted.
func extJSON(v any, indent string) (string, error) {
	message := func(text string) json.RawMessage { return appendEmbedded(nil, []byte(text)) }
	switch v := v.(type) {
	case string:
		return marshal(message(v), indent)
	case *templateData:
		return marshal(struct {
			Cluster   string          `json:"cluster"`
			Namespace string          `json:"namespace"`
			Pod       string          `json:"pod"`
			Container string          `json:"container"`
			Timestamp string          `json:"timestamp"`
			Message   json.RawMessage `json:"message"`
		}{v.Cluster, v.Namespace, v.PodName, v.ContainerName, v.Timestamp, message(v.Message)}, indent)
	}
	return "", fmt.Errorf("there is no record or text in %T", v)
}

func (f templateFuncs) toTimestamp(v any, layout string, zone ...string) (string, error) {
	t, err := timeOf(v)
	if err != nil {
		return "", err
	}
	name := ""
	if len(zone) > 0 {
		name = zone[0]
	}
	loaded, ok := f.zones.Load(name)
	if !ok {
		if loaded, err = time.LoadLocation(name); err != nil {
			return "", err
		}
		f.zones.Store(name, loaded)
	}
	return t.In(loaded.(*time.Location)).Format(layout), nil
}
