package api

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

var update = flag.Bool("update", false, "write docs/errors.md anew")

// Every code that the sources can answer is in the table, and no other.
func TestErrorCodesAreComplete(t *testing.T) {
	t.Parallel()
	used := map[string]bool{}
	word := regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`)
	note := func(e ast.Expr) {
		if literal, ok := e.(*ast.BasicLit); ok && literal.Kind == token.STRING {
			if code, err := strconv.Unquote(literal.Value); err == nil && word.MatchString(code) {
				used[code] = true
			}
		}
	}
	for _, dir := range []string{".", "../auth"} {
		inspectSources(t, dir, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.KeyValueExpr: // apiError{code: …} and codes[status]
				if key, ok := n.Key.(*ast.Ident); ok && (key.Name == "code" || key.Name == "Code") {
					note(n.Value)
				} else if key, ok := n.Key.(*ast.SelectorExpr); ok && strings.HasPrefix(key.Sel.Name, "Status") {
					note(n.Value)
				}
			case *ast.CallExpr: // refuse(status, code, message)
				if name, ok := n.Fun.(*ast.Ident); ok && name.Name == "refuse" && len(n.Args) == 3 {
					note(n.Args[1])
				}
			case *ast.AssignStmt: // e.code = …
				for i, left := range n.Lhs {
					if target, ok := left.(*ast.SelectorExpr); ok && target.Sel.Name == "code" && len(n.Rhs) == len(n.Lhs) {
						note(n.Rhs[i])
					}
				}
			}
			return true
		})
	}
	for code := range used {
		if errorCodeOf(code) == nil {
			t.Errorf("the code %s is not in the table of codes.go", code)
		}
	}
	for i, e := range errorCodes {
		if !used[e.Code] {
			t.Errorf("nothing answers with the code %s", e.Code)
		}
		if e.Cause == "" || e.WayOut == "" || slices.ContainsFunc(errorCodes[:i], func(o errorCode) bool { return o.Code == e.Code }) {
			t.Errorf("the code %s is there twice, or lacks words", e.Code)
		}
	}
	if len(used) < 20 {
		t.Errorf("found only %v: does the search still fit the sources?", used)
	}
}

// Every kind of the package upstream is explained as clients see it.
func TestErrorKindsAreComplete(t *testing.T) {
	t.Parallel()
	n := 0
	inspectSources(t, "../upstream", func(node ast.Node) bool {
		spec, ok := node.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if name, ok := spec.Type.(*ast.Ident); !ok || name.Name != "Kind" {
			return true
		}
		for _, value := range spec.Values {
			text, err := strconv.Unquote(value.(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			n++
			kind := upstream.Kind(text).Public()
			if !slices.ContainsFunc(errorKinds, func(e errorKind) bool { return e.Kind == kind }) {
				t.Errorf("the kind %s is not in the table of codes.go", kind)
			}
		}
		return true
	})
	if n < len(errorKinds) {
		t.Errorf("found %d kinds, explained are %d", n, len(errorKinds))
	}
}

func inspectSources(t *testing.T, dir string, visit func(ast.Node) bool) {
	t.Helper()
	files := token.NewFileSet()
	names, err := fs.Glob(os.DirFS(dir), "*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(files, dir+"/"+name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, visit)
	}
}

// The page of errors in docs is written from the tables:
// go test ./api -run TestErrorsPage -update
func TestErrorsPage(t *testing.T) {
	t.Parallel()
	const path = "../docs/errors.md"
	want := errorsPage()
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if have, err := os.ReadFile(path); err != nil || string(have) != want {
		t.Errorf("docs/errors.md is not what the tables say (%v): go test ./api -run TestErrorsPage -update", err)
	}
}

func errorsPage() string {
	var page strings.Builder
	page.WriteString(`# Errors

<!-- Written by "go test ./api -run TestErrorsPage -update" from api/codes.go. -->

## Codes of answers

An error under ` + "`/api/` and `/auth/` is `application/problem+json` (RFC 9457); programs look at `code`" + `, which never changes its
meaning. ` + "`type` is the address of the code in the page `/api/docs` of the gateway that answers, and `errors`" + ` names the fields
that are wrong:

` + "```json" + `
{"type":"/api/docs#invalid_request","title":"Bad Request","status":400,"detail":"name: is missing","code":"invalid_request",
 "errors":[{"location":"name","message":"is missing"}]}
` + "```" + `

Under ` + "`/v1/` the same code is `error.code`, and `error.param` names the field:" + `

` + "```json" + `
{"code":-2000,"message":"duration: must be between 1 and 3600","data":null,
 "error":{"message":"duration: must be between 1 and 3600","type":"invalid_request_error","param":"duration","code":"invalid_request"}}
` + "```" + `

429 and 503 carry ` + "`Retry-After`" + `.

| code | status | cause | way out |
|---|---|---|---|
`)
	for _, e := range errorCodes {
		fmt.Fprintf(&page, "| `%s` | %d | %s | %s |\n", e.Code, e.Status, e.Cause, e.WayOut)
	}
	page.WriteString(`
## Kinds of a failed task

A task that has failed says why in ` + "`error_kind`, and in the upstream's own words in `error_message`." + `

| kind | cause | way out |
|---|---|---|
`)
	for _, e := range errorKinds {
		fmt.Fprintf(&page, "| `%s` | %s | %s |\n", e.Kind, e.Cause, e.WayOut)
	}
	return page.String()
}
