import { randomBytes } from 'node:crypto';
import { Uri, type Webview } from 'vscode';
import { t } from '../l10n.ts';

/** The toolkit makes one style element, empty, and fills it by script: the hash of nothing lets just that through. */
const EMPTY_STYLE = "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='";

/** The page of the result panel. It loads our own script and style and nothing else; images are data it was sent. */
export function panelHtml(webview: Webview, dist: Uri): string {
  const nonce = randomBytes(16).toString('base64');
  const asset = (name: string) => webview.asWebviewUri(Uri.joinPath(dist, name));
  const policy = [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    `style-src ${webview.cspSource} ${EMPTY_STYLE}`,
    'img-src data:',
  ].join('; ');
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="${asset('panel.css')}">
<title>${t('Runabout Result')}</title>
</head>
<body>
<script nonce="${nonce}" src="${asset('panel.js')}"></script>
</body>
</html>`;
}
