/** esbuild gathers imported style sheets into `panel.css`. */
declare module '*.css';
