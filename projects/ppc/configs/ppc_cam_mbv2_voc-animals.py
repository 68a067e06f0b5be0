# PPC on plain CAM, on six classes of VOC.
_base_ = '../../../configs/voc-animals/cam_mbv2_voc-animals.py'
custom_imports = dict(imports=['hsc_mm', 'projects.ppc.ppc'])
model = dict(
    second_view=(128, 128),
    decode_head=dict(
        embeddings=dict(pixel=dict(type='hsc_mm.PixelEmbedding')),
        losses=dict(
            ppc=dict(type='hsc_mm.PixelToPrototypeContrast', grid=(16, 16)))))
