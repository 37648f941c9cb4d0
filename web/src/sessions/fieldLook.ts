/** The look of a text field that has no label to be seen. */
export const bareFieldLook =
  'target w-full rounded-md border border-edge bg-ground px-2.5 text-sm data-[focused]:border-accent data-[invalid]:border-red'

/** The look of a text field below its label. */
export const fieldLook = `mt-1 ${bareFieldLook}`
