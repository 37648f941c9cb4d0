import { useCallback } from 'react'
import { FileAudio, FileQuestion, FileVideo, Image } from 'lucide-react'
import { isFile, type DraftMaterial } from '../api/upload'
import { kindOf } from './draft'

const icons = { image: Image, video: FileVideo, audio: FileAudio }

/** What a material looks like; it fills the place that it is given. */
export function Preview({ material }: { material: DraftMaterial }) {
  const kind = kindOf(material)
  const show = useCallback(
    (element: HTMLImageElement | HTMLVideoElement | null) => {
      if (element === null) return
      if (!isFile(material)) {
        element.src = material.preview ?? ''
        return
      }
      const url = URL.createObjectURL(material)
      element.src = url
      return () => URL.revokeObjectURL(url)
    },
    [material],
  )
  const look = 'size-full object-cover'
  const hasPicture = isFile(material) || material.preview !== null
  if (kind === 'image' && hasPicture) return <img ref={show} alt="" className={look} />
  if (kind === 'video' && hasPicture)
    return <video ref={show} muted playsInline preload="metadata" className={look} />
  const Icon = kind === null ? FileQuestion : icons[kind]
  return (
    <span className="flex size-full items-center justify-center bg-well text-soft">
      <Icon aria-hidden size={18} />
    </span>
  )
}
