// Commands, refused proposals and threats: what was said, why, when, and from which records.
import { clock, span, time, Place } from "/parts/shared.js";

export default {
  components: { Place },
  props: { rows: Array, empty: String, tone: String },
  emits: ["open"],
  data: () => ({ clock }),
  methods: { span, time },
  template: `<div class="list">
    <p v-if="!rows.length" class="calm">{{ empty }}</p>
    <article v-for="row in rows" :key="row.id" class="entry">
      <div class="line"><span :class="['tag', tone]">{{ row.badge }}</span><b class="entry-title">{{ row.title }}</b>
        <span class="quiet ago" :title="time(row.at_s)">{{ span(clock.nowS - row.at_s) }} ago</span></div>
      <div class="why">{{ row.why }}</div>
      <div v-if="row.excerpt" class="excerpt"><span class="quiet">{{ row.field }}</span> <code>{{ row.excerpt }}</code></div>
      <span class="places"><Place :place="row.place" @open="$emit('open', $event)" />
        <Place :place="row.led_by" label="led by " @open="$emit('open', $event)" /></span>
    </article>
  </div>`,
};
