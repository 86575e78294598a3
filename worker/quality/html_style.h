// The style sheet of the HTML report. Colours are named once and have a light and a dark value;
// print uses the light ones.
#pragma once

namespace quantd {

inline constexpr char kReportStyle[] = R"css(
:root{color-scheme:light dark;--paper:#fff;--ink:#14171c;--soft:#59616e;--line:#e2e5ea;--panel:#f6f7f9;
--accent:#1c5bd8;--wash:#dbe6fc;--warn:#b34700;--warnwash:#fdebdc;--rail:#eceef2}
@media (prefers-color-scheme:dark){@media not print{:root{--paper:#111418;--ink:#e9ecf1;--soft:#9aa4b2;--line:#29303a;
--panel:#181c22;--accent:#7fabff;--wash:#22365c;--warn:#ff9f5a;--warnwash:#3a2415;--rail:#232932}}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);
font:15px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;
font-variant-numeric:tabular-nums;-webkit-print-color-adjust:exact;print-color-adjust:exact}
main{max-width:1000px;margin:0 auto;padding:56px 28px 72px}
h1,h2,h3,p,dl,dd,figure{margin:0}
.eyebrow{color:var(--soft);font-size:13px}
h1{font-size:34px;line-height:1.15;letter-spacing:-.02em;font-weight:650;margin:6px 0 4px;overflow-wrap:anywhere}
.recipe{color:var(--soft);overflow-wrap:anywhere}
.verdict{font-size:21px;line-height:1.45;letter-spacing:-.005em;margin:26px 0 30px;max-width:46em;text-wrap:pretty}
.verdict b{font-weight:650}
.tiles{display:grid;grid-template-columns:repeat(4,1fr);border:1px solid var(--line);border-radius:10px;overflow:hidden}
.tile{padding:18px 20px 16px;border-left:1px solid var(--line)}
.tile:first-child{border-left:0}
.tile .name{color:var(--soft);font-size:13px}
.tile .big{font-size:27px;line-height:1.25;font-weight:600;letter-spacing:-.02em;margin:2px 0}
.tile .note{color:var(--soft);font-size:13px;line-height:1.4}
section{margin-top:54px}
h2{font-size:20px;font-weight:650;letter-spacing:-.01em;margin-bottom:4px}
h3{font-size:14px;font-weight:600;overflow-wrap:anywhere}
.lead{color:var(--soft);max-width:52em;margin-bottom:18px}
.muted,.how{color:var(--soft)}
.warnings{margin-top:26px;padding:14px 18px;background:var(--warnwash);border-radius:10px}
.warnings h2{font-size:15px;color:var(--warn)}
.warnings ul{margin:2px 0 0;padding-left:18px}
.metric{display:grid;grid-template-columns:minmax(0,1.15fr) 8.2em minmax(0,2.3fr);gap:4px 20px;
padding:16px 0;border-top:1px solid var(--line);break-inside:avoid}
.metric:last-of-type{border-bottom:1px solid var(--line)}
.metric .title{font-weight:600;line-height:1.35}
.metric .sub{color:var(--soft);font-size:13px;line-height:1.45;margin-top:2px}
.metric .value{font-size:20px;font-weight:600;letter-spacing:-.015em;line-height:1.1;white-space:nowrap}
.value .unit,.big .unit{font-size:.62em;font-weight:500;letter-spacing:0;color:var(--soft)}
.evidence{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,1.1fr);gap:4px 24px}
.evidence+.evidence{margin-top:14px}
.ends{font-size:14px;line-height:1.4;font-weight:500}
.promise{font-size:13px;line-height:1.45}
.promise .how{display:block}
.scale{display:flex;justify-content:space-between;color:var(--soft);font-size:11px;line-height:1.2}
code{font:12px/1.4 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;overflow-wrap:anywhere}
svg{display:block;width:100%}
svg.interval{height:auto}
svg.plot{overflow:visible}
svg.share{height:10px;border-radius:3px}
.track{stroke:var(--line);stroke-width:1}
.zero{stroke:var(--soft);stroke-width:1;stroke-dasharray:2 2}
.span{fill:var(--accent);opacity:.34}
.span.open{opacity:.18}
.end{stroke:var(--accent);stroke-width:1.5}
.dot{fill:var(--accent);stroke:var(--paper);stroke-width:1.5}
.rail{fill:var(--rail)}
.bar{fill:var(--accent)}
.bar.quiet{fill:var(--soft)}
.bar.worst{fill:var(--warn)}
.tick{fill:var(--soft);font-size:10.5px}
.tick.clipped{fill:var(--accent);font-weight:600}
.tick.marked{fill:var(--warn);font-weight:600;font-size:12px}
.tick.level{fill:var(--warn)}
.axis{stroke:var(--soft);stroke-width:1}
.grid{stroke:var(--line);stroke-width:1}
.kept{fill:var(--wash);opacity:.45}
.bin{fill:var(--accent)}
.bin.out{fill:var(--warn)}
.clip{stroke:var(--accent);stroke-width:1.2;stroke-dasharray:3 2}
.curve{fill:none;stroke:var(--accent);stroke-width:2;stroke-linejoin:round}
.mark{stroke:var(--warn);stroke-width:1.5}
.mark.thin{stroke-width:1;stroke-dasharray:3 3}
.rows{display:grid;grid-template-columns:minmax(0,9em) minmax(0,1fr) max-content;gap:8px 16px;align-items:center}
.rows .end-note{text-align:right}
.layers{columns:2;column-gap:40px}
.layer{display:grid;grid-template-columns:minmax(0,1.3fr) minmax(0,1fr) 4.4em;gap:12px;align-items:center;padding:3px 0;
break-inside:avoid;font-size:13px}
.layer code{white-space:nowrap;overflow:hidden;text-overflow:ellipsis}
.layer .db{text-align:right}
.layer.worst .db{color:var(--warn);font-weight:600}
.legend{display:flex;flex-wrap:wrap;gap:4px 18px;color:var(--soft);font-size:13px;margin:-8px 0 14px}
.key{display:inline-block;width:10px;height:10px;border-radius:2px;margin-right:6px;background:var(--accent)}
.key.worst{background:var(--warn)}
.key.quiet{background:var(--soft)}
.cards{display:grid;grid-template-columns:repeat(3,minmax(0,1fr));gap:18px}
.card{border:1px solid var(--line);border-radius:10px;padding:14px 16px 12px;break-inside:avoid}
.card .facts{color:var(--soft);font-size:13px;line-height:1.45;margin:2px 0 8px}
.card .facts b{color:var(--ink);font-weight:600}
.card .facts b.low{color:var(--warn)}
figure.wide{border:1px solid var(--line);border-radius:10px;padding:18px 20px 14px}
figcaption{margin-top:10px;font-size:14px}
details{margin-top:18px}
summary{cursor:pointer;font-weight:600;color:var(--accent);margin-bottom:14px}
.facts-grid{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:0 44px}
.facts-grid section{margin-top:44px}
dl{display:grid;grid-template-columns:minmax(0,10.5em) minmax(0,1fr)}
dt,dd{padding:6px 0;border-top:1px solid var(--line)}
dt{color:var(--soft);padding-right:14px}
dd{overflow-wrap:anywhere}
footer{margin-top:56px;color:var(--soft);font-size:13px;border-top:1px solid var(--line);padding-top:14px}
@media (max-width:760px){main{padding:32px 18px 48px}h1{font-size:27px}.verdict{font-size:18px;margin:20px 0 22px}
.tiles{grid-template-columns:repeat(2,1fr)}.tile:nth-child(odd){border-left:0}
.tile:nth-child(n+3){border-top:1px solid var(--line)}.tile{padding:14px 16px}.tile .big{font-size:23px}
section{margin-top:42px}.metric{grid-template-columns:minmax(0,1fr) max-content;gap:8px 16px}
.metric>:nth-child(3){grid-column:1/-1}.metric .value{text-align:right;line-height:1.3}
.evidence{grid-template-columns:minmax(0,1fr)}.layers{columns:1}.cards{grid-template-columns:minmax(0,1fr)}
.facts-grid{grid-template-columns:minmax(0,1fr)}figure.wide{padding:12px}figure .tick{font-size:17px}figure .tick.marked{font-size:18px}.tick.caption{display:none}
.rows{grid-template-columns:minmax(0,6.5em) minmax(0,1fr) max-content;gap:8px 10px}dl{grid-template-columns:minmax(0,8em) minmax(0,1fr)}}
@media print{main{max-width:none;padding:0}body{font-size:11px}section{margin-top:26px}.verdict{font-size:15px;margin:14px 0 16px}
h1{font-size:24px}h2{break-after:avoid}.tile .big{font-size:19px}summary{color:var(--soft)}}
)css";

}  // namespace quantd
