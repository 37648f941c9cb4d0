import { Copy } from './Copy'

interface Props {
  text: string
  /** What the text is, for the button that copies it. */
  label: string
}

/** Something to paste elsewhere: a command, a request, a file. */
export function Code({ text, label }: Props) {
  return (
    <div className="relative rounded-md bg-well">
      <pre
        // What scrolls has to be reached by keyboard.
        // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        tabIndex={0}
        aria-label={label}
        role="region"
        className="max-h-96 overflow-auto p-3 pr-12 font-mono text-2xs whitespace-pre-wrap break-words"
      >
        {text}
      </pre>
      <div className="absolute top-1 right-1">
        <Copy text={text} label={label} isIcon />
      </div>
    </div>
  )
}
