# PPC on SEAM, on six classes of VOC.
_base_ = '../../../configs/voc-animals/seam_mbv2_voc-animals.py'
custom_imports = dict(imports=['hsc_mm', 'projects.ppc.ppc'])
model = dict(
    decode_head=dict(
        embeddings=dict(pixel=dict(type='hsc_mm.PixelEmbedding')),
        losses=dict(
            ppc=dict(type='hsc_mm.PixelToPrototypeContrast', grid=(16, 16)))))
