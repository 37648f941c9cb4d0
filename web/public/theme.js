// Runs before the first paint, so that a chosen theme does not flash. See src/frame/theme.ts.
const theme = localStorage.getItem('theme')
if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme
