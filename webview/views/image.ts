import type { ValueView } from '../../protocol/panel/messages.ts';
import { el } from '../dom.ts';

export function image({ mime, base64 }: Extract<ValueView, { kind: 'image' }>): HTMLElement {
  const picture = el('img', { class: 'picture', alt: 'The image that the function returned' });
  const size = el('figcaption', { class: 'note' });
  picture.addEventListener('load', () => {
    size.textContent = `${picture.naturalWidth} × ${picture.naturalHeight} pixels`;
  });
  picture.addEventListener('error', () => {
    size.textContent = 'These bytes are not a picture that can be shown.';
  });
  picture.src = `data:${mime};base64,${base64}`;
  return el('figure', { class: 'image-view' }, picture, size);
}
