import { isFile, isNamed, type Draft } from '../api/upload'
import { redirect } from './references'

/** The languages of the samples, with the names that they give themselves. */
export const languages = { curl: 'curl', python: 'Python', typescript: 'TypeScript', go: 'Go' } as const
export type Language = keyof typeof languages

interface Request {
  /** The members of the request other than its materials. */
  fields: [string, string | number][]
  files: string[]
  /** Ids and addresses. */
  named: string[]
}

/** The same request in a program. The key comes from the environment and is not in it. */
export function sample(language: Language, origin: string, draft: Draft): string {
  const url = `${origin}/api/v1/tasks`
  const request = requestOf(draft)
  return { curl, python, typescript, go }[language](url, request)
}

/** A form has its files before what it names, so the prompt's numbers are changed to that order. */
function requestOf(draft: Draft): Request {
  const files = draft.materials.filter(isFile)
  const named = draft.materials.filter(isNamed)
  const order = [...files, ...named]
  const prompt = redirect(draft.prompt, (number) => {
    const material = draft.materials[number - 1]
    return material === undefined ? number : order.indexOf(material) + 1
  })
  const { model, duration, ratio, resolution } = draft
  const all: [string, string | number | null][] = [
    ['model', model],
    ['prompt', prompt],
    ['duration', duration],
    ['ratio', ratio],
    ['resolution', resolution],
  ]
  return {
    fields: all.filter((field): field is [string, string | number] => field[1] !== null),
    files: files.map(({ name }) => name),
    named: named.map(({ ref }) => ref),
  }
}

function json({ fields, named }: Request): string {
  const body = { ...Object.fromEntries(fields), ...(named.length > 0 ? { file_paths: named } : {}) }
  return JSON.stringify(body, null, 2)
}

/** All fields of a form, in order, other than the files. */
function formFields({ fields, named }: Request): [string, string][] {
  return [
    ...fields.map(([name, value]): [string, string] => [name, String(value)]),
    ...named.map((ref): [string, string] => ['file_paths', ref]),
  ]
}

function curl(url: string, request: Request): string {
  const lines = [`curl ${shell(url)}`, `-H "Authorization: Bearer $JIMENG_KEY"`]
  if (request.files.length === 0) {
    lines.push(`-H 'Content-Type: application/json'`, `-d ${shell(json(request))}`)
  } else {
    // --form-string takes "@" and "<" as what they are.
    for (const [name, value] of formFields(request)) lines.push(`--form-string ${shell(`${name}=${value}`)}`)
    for (const name of request.files) lines.push(`-F ${shell(`files=@"${name.replace(/["\\]/g, '\\$&')}"`)}`)
  }
  return lines.join(' \\\n  ')
}

function python(url: string, request: Request): string {
  const head = `import os\n\nimport requests\n\n`
  const call = (body: string) => `answer = requests.post(
    ${text(url)},
    headers={"Authorization": "Bearer " + os.environ["JIMENG_KEY"]},
${body})
answer.raise_for_status()
print(answer.json()["task"]["id"])`
  if (request.files.length === 0) {
    return head + call(`    json=${indented(json(request), '    ')},\n`)
  }
  const data = formFields(request).map(([name, value]) => `        (${text(name)}, ${text(value)}),\n`)
  const files = request.files.map((name) => `        ("files", open(${text(name)}, "rb")),\n`)
  return head + call(`    data=[\n${data.join('')}    ],\n    files=[\n${files.join('')}    ],\n`)
}

function typescript(url: string, request: Request): string {
  const call = (headers: string, body: string) => `const answer = await fetch(${text(url)}, {
  method: "POST",
  headers: {
    Authorization: \`Bearer \${process.env.JIMENG_KEY}\`,
${headers}  },
  body: ${body},
})
if (!answer.ok) throw new Error(await answer.text())
const { task } = await answer.json()
console.log(task.id)`
  if (request.files.length === 0) {
    const body = `JSON.stringify(${indented(json(request), '  ')})`
    return call(`    "Content-Type": "application/json",\n`, body)
  }
  const appended = [
    ...formFields(request).map(([name, value]) => `form.append(${text(name)}, ${text(value)})\n`),
    ...request.files.map((name) => `form.append("files", await openAsBlob(${text(name)}), ${text(name)})\n`),
  ]
  return `import { openAsBlob } from "node:fs"\n\nconst form = new FormData()\n${appended.join('')}\n${call('', 'form')}`
}

function go(url: string, request: Request): string {
  const hasFiles = request.files.length > 0
  const imports = ['bytes', 'fmt', 'io', 'log', 'net/http', 'os', ...(hasFiles ? ['mime/multipart'] : [])]
  const names = imports.toSorted().map((name) => `\t"${name}"\n`)
  return `package main

import (
${names.join('')})

func main() {
${hasFiles ? goForm(request) : `\tbody := bytes.NewBufferString(${text(json(request))})\n`}\treq, err := http.NewRequest("POST", ${text(url)}, body)
	if err != nil {
		log.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+os.Getenv("JIMENG_KEY"))
	req.Header.Set("Content-Type", ${hasFiles ? 'form.FormDataContentType()' : '"application/json"'})
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		log.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(res.Status, string(answer))
}`
}

function goForm(request: Request): string {
  const fields = formFields(request).map(
    ([name, value]) => `\tform.WriteField(${text(name)}, ${text(value)})\n`,
  )
  const names = request.files.map(text).join(', ')
  return `	body := &bytes.Buffer{}
	form := multipart.NewWriter(body)
${fields.join('')}	for _, name := range []string{${names}} {
		file, err := os.ReadFile(name)
		if err != nil {
			log.Fatal(err)
		}
		part, err := form.CreateFormFile("files", name)
		if err != nil {
			log.Fatal(err)
		}
		part.Write(file)
	}
	form.Close()
`
}

/** Within single quotes a shell changes nothing. */
function shell(value: string): string {
  return `'${value.replaceAll("'", `'\\''`)}'`
}

/** A text in double quotes, as JSON, Python, TypeScript and Go all read it. */
function text(value: string): string {
  return JSON.stringify(value)
}

function indented(block: string, by: string): string {
  return block.replaceAll('\n', `\n${by}`)
}
