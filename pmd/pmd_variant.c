/* SPDX-License-Identifier: BSD-3-Clause */
/* Choice of the burst functions by what the CPU has and EAL allows. */
#include "pmd_rxtx.h"

#include <rte_cpuflags.h>
#include <rte_vect.h>

#if defined(RTE_ARCH_X86)
static enum pmd_isa
isa(void)
{
	uint16_t width = rte_vect_get_max_simd_bitwidth();

	if (width >= 512 && rte_cpu_get_flag_enabled(RTE_CPUFLAG_AVX512F) > 0 &&
		rte_cpu_get_flag_enabled(RTE_CPUFLAG_AVX512BW) > 0 &&
		rte_cpu_get_flag_enabled(RTE_CPUFLAG_AVX512DQ) > 0 &&
		rte_cpu_get_flag_enabled(RTE_CPUFLAG_AVX512VL) > 0)
		return PMD_ISA_AVX512;
	if (width >= 256 && rte_cpu_get_flag_enabled(RTE_CPUFLAG_AVX2) > 0 &&
		rte_cpu_get_flag_enabled(RTE_CPUFLAG_BMI2) > 0)
		return PMD_ISA_AVX2;
	return PMD_ISA_BASE;
}

const struct pmd_variant *
pmd_rx_variant(unsigned int flags)
{
	static const struct pmd_variant *const variants[PMD_ISA_MAX] = {
		pmd_rx_variants_base, pmd_rx_variants_avx2, pmd_rx_variants_avx512};

	return &variants[isa()][flags];
}

const struct pmd_variant *
pmd_tx_variant(unsigned int flags)
{
	static const struct pmd_variant *const variants[PMD_ISA_MAX] = {
		pmd_tx_variants_base, pmd_tx_variants_avx2, pmd_tx_variants_avx512};

	return &variants[isa()][flags];
}
#else
const struct pmd_variant *
pmd_rx_variant(unsigned int flags)
{
	return &pmd_rx_variants_base[flags];
}

const struct pmd_variant *
pmd_tx_variant(unsigned int flags)
{
	return &pmd_tx_variants_base[flags];
}
#endif
