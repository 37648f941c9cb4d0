/** The look of a text field. */
export const fieldLook =
  'target mt-1 w-full rounded-md border border-edge bg-ground px-2.5 text-sm data-[focused]:border-accent data-[invalid]:border-red'
