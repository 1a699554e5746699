// Which series the chart shows: found by any part of its name; those that were lately unusual are one click away.
import { amount } from "/parts/shared.js";

export default {
  props: { chosen: String, matches: Array, total: Number, latest: Number, legend: Array, unusual: Array, span: Number },
  emits: ["search", "choose", "span"],
  data: () => ({ waiting: null, spans: [[120, "2 min"], [300, "5 min"], [900, "15 min"]] }),
  watch: {
    matches() { if (this.waiting) { this.waiting(() => {}); this.waiting = null; } },
  },
  methods: {
    amount,
    find(text, update) {
      // The server knows the names; the list opens when it has answered.
      this.waiting = update;
      this.$emit("search", text);
    },
  },
  template: `<div class="picker">
    <div class="picker-line">
      <q-select class="picker-select" dense outlined options-dense use-input hide-selected fill-input input-debounce="150"
        :model-value="chosen" :options="matches" @filter="find" @update:model-value="$emit('choose', $event)"
        :placeholder="chosen ? '' : 'search a series'" aria-label="Series" behavior="menu" hide-dropdown-icon popup-content-class="picker-menu">
        <template #append><span class="arrow" aria-hidden="true">▾</span></template>
        <template #no-option><div class="no-option">No series has that in its name.</div></template>
      </q-select>
      <span class="latest" title="latest value">{{ amount(latest) }}</span>
      <span class="spans" role="group" aria-label="How far back">
        <button v-for="[seconds, name] in spans" type="button" :aria-pressed="span === seconds" @click="$emit('span', seconds)">{{ name }}</button>
      </span>
    </div>
    <div class="picker-under">
      <span class="legend"><span v-for="name in legend" :class="['key', name]">{{ name }}</span></span>
      <span v-if="unusual.length" class="unusual"><span class="quiet">lately unusual</span>
        <button v-for="name in unusual" type="button" class="place" :title="name" @click="$emit('choose', name)">{{ name }}</button></span>
    </div>
  </div>`,
};
