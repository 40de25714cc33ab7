import { t } from '../l10n.ts';

export type CheckedUrl = { ok: true; url: string; plain: boolean } | { ok: false; why: string };

/** Checks the address of a broker. `plain`: http to another machine, which sends the token unencrypted. */
export function checkBrokerUrl(text: string): CheckedUrl {
  let url: URL;
  try {
    url = new URL(text.trim());
  } catch {
    return { ok: false, why: t('An address looks like https://broker.example.org or http://127.0.0.1:7411.') };
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    return { ok: false, why: t('The address begins with https:// (or http:// for this machine).') };
  if (url.username || url.password || url.search || url.hash)
    return { ok: false, why: t('The address holds no user, token or query; the token is asked for next.') };
  const path = url.pathname.replace(/\/+$/, '');
  return { ok: true, url: `${url.origin}${path}`, plain: url.protocol === 'http:' && !isLoopback(url.hostname) };
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host);
}
