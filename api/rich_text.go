package api

import (
	"html/template"
	"regexp"
	"strings"
)

var (
	codeSpan = regexp.MustCompile("`([^`]+)`")
	boldSpan = regexp.MustCompile(`\*\*([^*]+)\*\*`)
)

// richText writes the little Markdown that descriptions use as HTML: paragraphs,
// lists, bold, and code, which is a link where it is an error code or a route.
func richText(text string) template.HTML {
	var out strings.Builder
	for _, block := range strings.Split(strings.TrimSpace(text), "\n\n") {
		if !strings.HasPrefix(block, "- ") {
			out.WriteString("<p>" + span(block) + "</p>")
			continue
		}
		out.WriteString("<ul>")
		for _, item := range strings.Split(block, "\n") {
			out.WriteString("<li>" + span(strings.TrimPrefix(item, "- ")) + "</li>")
		}
		out.WriteString("</ul>")
	}
	return template.HTML(out.String())
}

func span(text string) string {
	text = boldSpan.ReplaceAllString(template.HTMLEscapeString(text), "<strong>$1</strong>")
	return codeSpan.ReplaceAllStringFunc(text, func(quoted string) string {
		code := strings.Trim(quoted, "`")
		html := "<code>" + code + "</code>"
		switch {
		case isErrorKind(code):
			return `<a href="#kind-` + code + `">` + html + "</a>"
		case errorCodeOf(code) != nil:
			return `<a href="#` + code + `">` + html + "</a>"
		case access[code] != "":
			return `<a href="#` + anchor(code) + `">` + html + "</a>"
		}
		return html
	})
}

// anchor is the address of a route on the page: get-api-v1-tasks-id.
func anchor(pattern string) string {
	words := strings.FieldsFunc(strings.ToLower(pattern), func(r rune) bool { return strings.ContainsRune(" /{}.", r) })
	return strings.Join(words, "-")
}
