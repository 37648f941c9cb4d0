import { Button as AriaButton, type ButtonProps } from 'react-aria-components'

const looks = {
  primary: 'bg-accent-fill text-white px-4 font-medium hover:bg-accent-deep data-[pressed]:bg-accent-deep',
  plain: 'px-2.5 text-ink bg-well hover:bg-hover data-[pressed]:bg-hover',
  danger: 'bg-red-fill text-white px-4 font-medium hover:bg-red-deep data-[pressed]:bg-red-deep',
  onInk: 'px-2 text-ground hover:bg-ground/15 data-[pressed]:bg-ground/15',
  quiet: 'px-2 text-soft hover:text-ink hover:bg-hover data-[pressed]:bg-hover',
} as const

interface Props extends Omit<ButtonProps, 'className' | 'isPending'> {
  look?: keyof typeof looks
  className?: string
  /** Its work is under way: it keeps the focus and does nothing. */
  isBusy?: boolean
}

export const buttonShape =
  'target inline-flex items-center justify-center gap-1.5 rounded-md text-sm whitespace-nowrap cursor-pointer transition-colors duration-100'

export function buttonLook(look: keyof typeof looks): string {
  return `${buttonShape} ${looks[look]}`
}

export function Button({ look = 'plain', className = '', isBusy = false, onPress, ...props }: Props) {
  return (
    <AriaButton
      {...props}
      onPress={isBusy ? undefined : onPress}
      className={`${buttonLook(look)} ${isBusy ? 'opacity-60' : ''} ${className}`}
    />
  )
}
