/** The name of the place, with its sign. */
export function Mark() {
  return (
    <span className="inline-flex items-center gap-2.5 text-base font-semibold tracking-tight">
      <svg aria-hidden width="22" height="22" viewBox="0 0 32 32">
        <rect width="32" height="32" rx="8" className="fill-accent-fill" />
        <path d="M12.5 10v12l10-6z" className="fill-white" />
        <rect x="8" y="10" width="2.2" height="12" rx="1.1" className="fill-white" />
      </svg>
      jimeng
    </span>
  )
}
