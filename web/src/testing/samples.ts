import type { Me, Model, Task } from '../api/types'

export const me: Me = {
  authenticated: true,
  auth_enabled: true,
  name: 'ana',
  key_prefix: 'gw_12345',
  scopes: ['admin'],
  role: null,
  single_sign_on: null,
  first_start: false,
}

export const seedance: Model = {
  id: 'jimeng-video-seedance-2.0',
  aliases: ['seedance-2.0'],
  kind: 'video',
  durations: [4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
  default_duration: 4,
  ratios: ['16:9', '1:1', '9:16'],
  min_materials: 1,
  max_materials: 9,
  max_images: 9,
  max_videos: 3,
  max_audios: 3,
}

export const pro: Model = {
  id: 'jimeng-video-3.5-pro',
  kind: 'video',
  durations: [5, 10],
  ratios: ['16:9', '9:16'],
  resolutions: ['720p', '1080p'],
  max_prompt: 20,
  max_materials: 2,
  max_images: 2,
}

export function sampleTask(change: Partial<Task> = {}): Task {
  return {
    id: 'T1',
    status: 'queued',
    kind: 'video',
    model: seedance.id,
    prompt: 'a paper boat',
    duration: 4,
    ratio: '16:9',
    resolution: null,
    priority: 0,
    session_pool_id: null,
    history_record_id: null,
    queue_position: null,
    queue_total: null,
    queue_eta: null,
    video_url: null,
    image_urls: null,
    error_message: null,
    error_kind: null,
    money: null,
    retry_of: null,
    request_id: null,
    materials: [],
    artifacts: [],
    created_at: '2026-01-02T03:04:05Z',
    updated_at: '2026-01-02T03:04:05Z',
    started_at: null,
    finished_at: null,
    start_deadline: null,
    deadline: null,
    ...change,
  }
}
